"""The MLflow store: reachable, readable, writable, of the right version."""

import urllib.request
from collections.abc import Iterator

from mrigen.errors import TrackingError
from mrigen.stages.doctor.finding import Finding, Question, fault, note, ok
from mrigen.tracking.address import REACH_SECONDS, StoreAddress, check_store, store_address


def present_store(asked: Question) -> StoreAddress | None:
    """Return the address of the store; None if it has not been made yet."""
    address = store_address(asked.root)
    database = address.database
    # MLflow would make its tables in an empty file.
    there = database is None or (database.exists() and database.stat().st_size > 0)
    return address if there else None


def check_tracking_store(asked: Question) -> Iterator[Finding]:
    """Open the store and ask whether it could be written."""
    from mrigen.tracking.tracker import connect

    address = present_store(asked)
    if address is None:
        yield note(
            "store", f"{store_address(asked.root)} is not there yet", "train and register a model"
        )
        return
    connect(asked.root, write=False)
    yield ok("store", f"{address} answers")
    if address.database is not None:
        yield from _writable(address)
    elif address.folder is None:
        yield from _server_version(address)


def _writable(address: StoreAddress) -> Iterator[Finding]:
    try:
        check_store(address, write=True)
    except TrackingError as error:
        yield note("store", error, "that is enough to serve, but not to train")


def _server_version(address: StoreAddress) -> Iterator[Finding]:
    from importlib.metadata import version

    url = f"{str(address).rstrip('/')}/version"
    try:
        with urllib.request.urlopen(url, timeout=REACH_SECONDS) as answer:
            theirs = answer.read(100).decode("utf-8", "replace").strip()
    except (OSError, ValueError):
        return  # it asks for a login there, or stands behind a proxy
    ours = version("mlflow")
    if theirs.partition(".")[0] != ours.partition(".")[0]:
        yield fault(
            "store",
            f"the server has MLflow {theirs}, and here is {ours}",
            "install the same first number on both sides",
        )
    elif theirs != ours:
        yield note("store", f"the server has MLflow {theirs}, and here is {ours}")
