"""Pictures, stacks and volumes that clients send, as slices for a network."""
