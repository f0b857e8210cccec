"""NIfTI files to volumes in RAS+, and how their intensities are distributed."""
