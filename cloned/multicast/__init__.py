"""Whether multicast reaches the laptops: the IGMP querier, the probe, and why it does not arrive."""
