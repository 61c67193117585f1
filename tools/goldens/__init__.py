"""Makers of reference values and tables, for those who test."""
