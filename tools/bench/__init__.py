"""Benchmarks, for those who measure."""
