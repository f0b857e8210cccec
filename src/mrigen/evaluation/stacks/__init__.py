"""Whether generated slices, one above the other, make a plausible head."""
