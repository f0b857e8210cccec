"""What a model finds unusual, and whether lesions are where it finds it."""
