"""A synthetic cohort: heads and tumour patients computed from tissue maps."""
