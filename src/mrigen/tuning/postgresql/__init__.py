"""Studies in a PostgreSQL database: its server, its lock, Optuna's tables in it."""
