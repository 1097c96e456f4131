"""The image store: Clonezilla directories, manifests and pieces."""
