"""Runs on the laptop: standard library, zstandard and `cloned.core` alone."""
