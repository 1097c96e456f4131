"""A daemon that boots, clones and verifies a workshop of laptops."""

__version__ = "0.1.0"
