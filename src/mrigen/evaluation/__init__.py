"""Judging a model on test subjects."""
