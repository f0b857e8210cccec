"""The steps of the pipeline: one file, one function, one command."""
