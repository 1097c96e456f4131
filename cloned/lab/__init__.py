"""A whole workshop on one machine, in network namespaces."""
