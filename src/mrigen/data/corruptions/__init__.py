"""Damage that a restorer learns to undo: steps drawn per item on the CPU, applied in batches."""
