"""What restoring slices is worth to a program that looks for the brain in whole volumes."""
