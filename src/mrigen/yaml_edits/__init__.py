"""Single values of a YAML file changed in place: every other letter stays as it is."""
