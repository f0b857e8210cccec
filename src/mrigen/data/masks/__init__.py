"""Where the brain lies in a volume: by a network, from a file, from labels; kept once known."""
