"""Numbers that compare images and sets of images."""
