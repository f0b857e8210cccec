"""Train, compare, register and serve generators of brain MRI slices."""

__version__ = "0.1.0"
