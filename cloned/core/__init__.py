"""The pure heart: decisions over frozen dataclasses. No input, output, clock or randomness."""
