"""Clonezilla's own ways, pure: its names for files, what ocs-sr prints, what udpcast says."""
