"""What a cohort is like: each file measured once, the cohort in figures on one page."""
