"""How close generated slices come to real ones, as sets."""
