"""The slice store: shards of pixels, a row per slice, a row per scan."""
