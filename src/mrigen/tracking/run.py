"""One run in MLflow, with a buffer between training and the store."""

import json
import logging
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from pydantic import BaseModel

from mrigen.errors import TrackingError
from mrigen.tracking.address import StoreAddress
from mrigen.tracking.refusals import tracking_errors

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

Status = Literal["FINISHED", "FAILED", "KILLED"]

FLUSH_SECONDS = 3.0
METRICS_A_BATCH = 1000  # MLflow's own limit
PARAM_LENGTH = 6000

_log = logging.getLogger(__name__)


class Run:
    """One run in MLflow. Metrics are sent every few seconds, and all of them by `close`.

    As a context manager it ends the run: FINISHED, FAILED after an exception, KILLED after an
    interruption from the keyboard.
    """

    def __init__(
        self,
        address: StoreAddress,
        client: "MlflowClient",
        run_id: str,
        *,
        logged: Mapping[str, int] | None = None,
    ) -> None:
        self.id = run_id
        self._address, self._client = address, client
        self._logged = dict(logged or {})
        self._buffer: list[Metric] = []
        self._buffer_lock = threading.Lock()
        self._send_lock = threading.Lock()
        self._stop = threading.Event()
        self._sender: threading.Thread | None = None

    @property
    def params(self) -> dict[str, str]:
        """Parameters of the run as the store has them."""
        with tracking_errors(self._address):
            return dict(self._client.get_run(self.id).data.params)

    @property
    def tags(self) -> dict[str, str]:
        """Tags of the run as the store has them, MLflow's own among them."""
        with tracking_errors(self._address):
            return dict(self._client.get_run(self.id).data.tags)

    @property
    def metrics(self) -> dict[str, float]:
        """Latest value of every metric that has been sent."""
        with tracking_errors(self._address):
            return dict(self._client.get_run(self.id).data.metrics)

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
        with self._send_lock, tracking_errors(self._address):
            while batch := self._buffer[:METRICS_A_BATCH]:
                self._client.log_batch(self.id, metrics=batch)
                with self._buffer_lock:
                    del self._buffer[: len(batch)]

    def log_artifact(self, path: Path, folder: str | None = None) -> None:
        """Copy a file, or a folder with what is in it, to the run's artifacts."""
        with tracking_errors(self._address):
            if path.is_dir():
                self._client.log_artifacts(self.id, str(path), folder)
            else:
                self._client.log_artifact(self.id, str(path), folder)

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Set tags, replacing those of the same name."""
        from mlflow.entities import RunTag

        with tracking_errors(self._address):
            pairs = [RunTag(key, value) for key, value in tags.items()]
            self._client.log_batch(self.id, tags=pairs)

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
        with tracking_errors(self._address):
            self._client.set_terminated(self.id, status)

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
