"""Reads the workshop's switches and understands their tables."""
