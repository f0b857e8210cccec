"""Names, versions and aliases for bundles, in MLflow's model registry."""
