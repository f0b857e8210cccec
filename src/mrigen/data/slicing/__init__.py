"""Volumes and pictures to the slices of a dataset."""
