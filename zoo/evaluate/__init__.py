"""Exact evaluation: every image counted once, whatever the batch size and number of replicas."""
