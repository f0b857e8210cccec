"""Pages that open from disk: their style and pictures inside, no script, no network."""
