"""Whether a network that can be asked draws what it is asked for."""
