"""Runs in MLflow: a store that is there before work begins, and metrics that are never lost."""

import json
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from pydantic import BaseModel

from mrigen.errors import TrackingError
from mrigen.mlflow_store import StoreAddress, check_store, store_address

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment, Metric

Status = Literal["FINISHED", "FAILED", "KILLED"]

EXPERIMENT = "mrigen"
ARTIFACTS = "mlartifacts"  # folder beside a store without a server
FLUSH_SECONDS = 3.0
METRICS_A_BATCH = 1000  # MLflow's own limits
PARAMS_A_BATCH = 100
PARAM_LENGTH = 6000

_log = logging.getLogger(__name__)


def connect(root: Path, *, write: bool = True) -> "Tracker":
    """Open the MLflow store of a project.

    Parameters
    ----------
    root
        Project folder. The store is `MLFLOW_TRACKING_URI`, or `mlflow.db` in this folder.
    write
        Make the project's own store if it is not there yet, and see to it that it can be
        written. Without it nothing is made, and a store on a read-only disk will do.

    Raises
    ------
    TrackingError
        If the store cannot be reached, read, written or understood. A server that does not
        answer is reported within seconds.
    """
    address = store_address(root)
    _quiet_mlflow()
    with tracking_errors(address), address.lock() if write else nullcontext():
        check_store(address, write=write)
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=address.uri, registry_uri=address.uri)
        client.search_experiments(max_results=1)
    return Tracker(address, client)


@dataclass(frozen=True)
class Tracker:
    """An open MLflow store; runs are known by their ids, never by a global state.

    Attributes
    ----------
    address
        Where the store is.
    client
        MLflow's client on that store, for tracking and registry alike.
    """

    address: StoreAddress
    client: "MlflowClient"

    def start_run(
        self,
        *,
        name: str,
        tags: Mapping[str, str] | None = None,
        params: Mapping[str, object] | BaseModel | None = None,
        experiment: str = EXPERIMENT,
    ) -> "Run":
        """Begin a run; nested parameters become dotted names.

        Raises
        ------
        TrackingError
            If the store refuses.
        """
        from mlflow.entities import Param

        flat = list(flatten(params or {}).items())
        with tracking_errors(self.address):
            experiment_id = self._experiment(experiment)
            run = self.client.create_run(experiment_id, run_name=name, tags=dict(tags or {}))
            for start in range(0, len(flat), PARAMS_A_BATCH):
                batch = [Param(*item) for item in flat[start : start + PARAMS_A_BATCH]]
                self.client.log_batch(run.info.run_id, params=batch)
        return Run(self, run.info.run_id)

    def resume_run(self, run_id: str) -> "Run | None":
        """Continue a run that was cut off; None if the store does not have it.

        Steps that the store already holds are not logged a second time.
        """
        from mlflow.exceptions import MlflowException

        with tracking_errors(self.address):
            try:
                run = self.client.get_run(run_id)
            except MlflowException as error:
                if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                    return None
                raise
            if run.info.lifecycle_stage != "active":
                return None
            self.client.update_run(run_id, status="RUNNING")
            return Run(self, run_id, logged=self._last_steps(run_id, run.data.metrics))

    def find_run(self, tags: Mapping[str, str], *, experiment: str = EXPERIMENT) -> "Run | None":
        """Return the latest run that carries all of `tags`, or None."""
        with tracking_errors(self.address):
            found = self.client.get_experiment_by_name(experiment)
            if found is None:
                return None
            text = " and ".join(f"tags.`{key}` = '{value}'" for key, value in tags.items())
            order = ["attributes.start_time DESC"]
            runs = self.client.search_runs(
                [found.experiment_id], text, max_results=1, order_by=order
            )
            return Run(self, runs[0].info.run_id) if runs else None

    def _last_steps(self, run_id: str, names: Mapping[str, float]) -> dict[str, int]:
        return {
            name: max(metric.step for metric in self.client.get_metric_history(run_id, name))
            for name in names
        }

    def _experiment(self, name: str) -> str:
        found = self.client.get_experiment_by_name(name)
        if found is None:
            with self.address.lock():
                found = self._create_experiment(name)
        if found.lifecycle_stage != "active":
            raise TrackingError(
                f"experiment '{name}' in {self.address} is deleted: restore it with "
                f"'mlflow experiments restore -x {found.experiment_id}'."
            )
        return str(found.experiment_id)

    def _create_experiment(self, name: str) -> "Experiment":
        from mlflow.exceptions import MlflowException

        # Without its own location an experiment writes below whatever folder is current.
        folder = self.address.folder
        location = None if folder is None else (folder / ARTIFACTS / name).as_uri()
        try:
            return self.client.get_experiment(self.client.create_experiment(name, location))
        except MlflowException as error:
            found = self.client.get_experiment_by_name(name)
            if error.error_code == "RESOURCE_ALREADY_EXISTS" and found is not None:
                return found  # another process was quicker
            raise


class Run:
    """One run in MLflow. Metrics are sent every few seconds, and all of them by `close`.

    As a context manager it ends the run: FINISHED, FAILED after an exception, KILLED after an
    interruption from the keyboard.
    """

    def __init__(self, tracker: Tracker, run_id: str, *, logged: Mapping[str, int] | None = None):
        self.id = run_id
        self._tracker = tracker
        self._logged = dict(logged or {})
        self._buffer: list[Metric] = []
        self._buffer_lock = threading.Lock()
        self._send_lock = threading.Lock()
        self._stop = threading.Event()
        self._sender: threading.Thread | None = None

    @property
    def params(self) -> dict[str, str]:
        """Parameters of the run as the store has them."""
        with tracking_errors(self._tracker.address):
            return dict(self._tracker.client.get_run(self.id).data.params)

    @property
    def tags(self) -> dict[str, str]:
        """Tags of the run as the store has them, MLflow's own among them."""
        with tracking_errors(self._tracker.address):
            return dict(self._tracker.client.get_run(self.id).data.tags)

    @property
    def metrics(self) -> dict[str, float]:
        """Latest value of every metric that has been sent."""
        with tracking_errors(self._tracker.address):
            return dict(self._tracker.client.get_run(self.id).data.metrics)

    def log_metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Put metrics into the buffer; returns at once, whatever the store is doing."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        fresh = [
            Metric(name, float(value), now, step)
            for name, value in metrics.items()
            if step > self._logged.get(name, -1)
        ]
        with self._buffer_lock:
            self._buffer.extend(fresh)
            if self._sender is None and fresh:
                self._sender = threading.Thread(target=self._send_later, name="mlflow", daemon=True)
                self._sender.start()

    def flush(self) -> None:
        """Send what the buffer holds, in order.

        Raises
        ------
        TrackingError
            If the store refuses; what was not sent stays in the buffer.
        """
        with self._send_lock, tracking_errors(self._tracker.address):
            while batch := self._buffer[:METRICS_A_BATCH]:
                self._tracker.client.log_batch(self.id, metrics=batch)
                with self._buffer_lock:
                    del self._buffer[: len(batch)]

    def log_artifact(self, path: Path, folder: str | None = None) -> None:
        """Copy a file, or a folder with what is in it, to the run's artifacts."""
        with tracking_errors(self._tracker.address):
            if path.is_dir():
                self._tracker.client.log_artifacts(self.id, str(path), folder)
            else:
                self._tracker.client.log_artifact(self.id, str(path), folder)

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Set tags, replacing those of the same name."""
        from mlflow.entities import RunTag

        with tracking_errors(self._tracker.address):
            pairs = [RunTag(key, value) for key, value in tags.items()]
            self._tracker.client.log_batch(self.id, tags=pairs)

    def close(self, status: Status = "FINISHED") -> None:
        """Send what is left and end the run.

        Raises
        ------
        TrackingError
            If the store refuses the last metrics.
        """
        self._stop.set()
        sender = self._sender
        if sender is not None:
            sender.join()
        self._stop.clear()
        self._sender = None
        self.flush()
        with tracking_errors(self._tracker.address):
            self._tracker.client.set_terminated(self.id, status)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
            return
        try:
            self.close("KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED")
        except TrackingError as refusal:
            _log.warning("%s", refusal)  # the first error is the one to tell

    def _send_later(self) -> None:
        """Empty the buffer every few seconds until there is nothing left in it."""
        told = False
        while not self._stop.wait(FLUSH_SECONDS):
            try:
                self.flush()
            except TrackingError as error:
                if not told:
                    _log.warning("%s Metrics are kept and sent later.", error)
                told = True
            with self._buffer_lock:
                if not self._buffer:
                    self._sender = None
                    return


def flatten(values: Mapping[str, object] | BaseModel, prefix: str = "") -> dict[str, str]:
    """Turn nested parameters into dotted names with text values.

    Examples
    --------
    >>> flatten({"network": {"name": "vae", "channels": (8, 16)}})
    {'network.name': 'vae', 'network.channels': '[8, 16]'}
    """
    flat: dict[str, str] = {}
    if isinstance(values, BaseModel):
        values = values.model_dump(mode="json")
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, BaseModel) or (isinstance(value, Mapping) and value):
            flat |= flatten(value, f"{name}.")
        else:
            text = value if isinstance(value, str) else json.dumps(value, default=str)
            flat[name] = text[:PARAM_LENGTH]
    return flat


@contextmanager
def tracking_errors(address: StoreAddress) -> Iterator[None]:
    """Turn what MLflow raises in this block into one `TrackingError` sentence."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
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


def _quiet_mlflow() -> None:
    # MLflow is configured by the environment alone, and reads it when it is imported.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    # Its line about a finished run repeats the address with the password in it.
    os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
