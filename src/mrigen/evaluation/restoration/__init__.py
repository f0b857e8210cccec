"""How close restored and reproduced slices come to the clean ones."""
