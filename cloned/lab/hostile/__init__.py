"""People on the wire who mean harm, for the lab: a stranger, and a laptop that booted here and misbehaves."""
