"""Raw volumes to datasets of slices."""
