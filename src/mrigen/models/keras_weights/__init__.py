"""Networks that were trained with Keras 2, read from its own files without Keras."""
