"""Runs in MLflow: a store that is there before work begins, and metrics never lost."""
