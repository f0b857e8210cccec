"""A slice store as folders of pictures or as NIfTI volumes."""
