"""Pictures of a study as PNG bytes: the same record gives the same bytes."""
