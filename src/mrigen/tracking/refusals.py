"""What MLflow raises, as one sentence."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from mrigen.errors import TrackingError
from mrigen.tracking.address import StoreAddress

# Packages that are installed under another name than they are imported.
_DRIVERS = {"psycopg2": "psycopg2-binary", "MySQLdb": "mysqlclient"}


@contextmanager
def tracking_errors(address: StoreAddress) -> Iterator[None]:
    """Turn what MLflow raises in this block into one `TrackingError` sentence."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except ModuleNotFoundError as error:
        # SQLAlchemy imports the driver of a database server when the store is opened.
        if address.folder is None or address.database is not None:
            raise
        package = _DRIVERS.get(str(error.name), error.name)
        raise TrackingError(
            f"the MLflow store {address} needs the Python package '{package}', which is not "
            f"installed: run 'pip install {package}', or set MLFLOW_TRACKING_URI to another store."
        ) from error
    except (MlflowException, SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise TrackingError(_sentence(error, address)) from error


def _sentence(error: Exception, address: StoreAddress) -> str:
    lines = str(error).replace(address.uri, str(address)).strip().splitlines()
    text = (lines or [type(error).__name__])[0].rstrip(".")
    if "out-of-date database schema" in text:
        return (
            f"the MLflow store {address} was written by another version of MLflow: back it up "
            f"and run 'mlflow db upgrade {address}', or install the newer MLflow."
        )
    return (
        f"the MLflow store {address} refused: {text}. Check the store, or set "
        "MLFLOW_TRACKING_URI to another one."
    )
