"""Published cohorts: where they lie, and how they come onto this disk."""
