"""How work of all clients is computed together: turns, lanes, and what may wait."""
