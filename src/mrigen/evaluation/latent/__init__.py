"""What the latents of a model carry."""
