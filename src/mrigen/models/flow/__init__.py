"""Flow matching: images as the end of a path that begins in noise."""
