"""Sinks: one small file for each inventory a result can be pushed to."""
