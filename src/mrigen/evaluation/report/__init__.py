"""One page that compares models, the same numbers as tables, and a card for each model."""
