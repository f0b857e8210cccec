"""What each number of an evaluation means, in plain words, by what it judges."""
