"""Benchmarks: each measures beside a peer in the same run and prints a table of ratios."""
