"""`mrigen tune`: trials trained, scored, tracked, reported, confirmed and promoted."""
