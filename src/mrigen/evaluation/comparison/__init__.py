"""Models against each other: paired tests, and quality against the time of training."""
