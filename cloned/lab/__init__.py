"""A whole workshop on one machine: network, switch, laptops, faults, and the run through them all."""
