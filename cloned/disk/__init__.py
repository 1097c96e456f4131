"""What lies on a disk, pure: partition tables, LVM, extents, the layout text and the manifest."""
