"""`mrigen serve`: registered models are loaded, followed and served until a signal comes."""
