"""How cohorts lie on disk: one file per layout, and what all layouts share."""
