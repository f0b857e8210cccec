"""Training, validation and test sets that never share a person, unless a study is replicated."""
