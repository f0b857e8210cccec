"""What generated slices are worth to a classifier, and whether one can tell them."""
