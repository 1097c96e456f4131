"""Speaks SNMP with a switch and brings its tables as they are; what they mean is said elsewhere."""
