"""The loop that moves a training state."""
