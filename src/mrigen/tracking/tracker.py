"""The MLflow store of a project, open."""

import logging
import os
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel

from mrigen.errors import TrackingError
from mrigen.tracking.address import StoreAddress, check_store, store_address
from mrigen.tracking.refusals import tracking_errors
from mrigen.tracking.run import Run, flatten

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment

EXPERIMENT = "mrigen"
ARTIFACTS = "mlartifacts"  # folder beside a store without a server
# Without it MLflow's page takes every experiment for one of language models.
_KIND = {"mlflow.experimentKind": "custom_model_development"}
PARAMS_A_BATCH = 100  # MLflow's own limit
MOST_RUNS = 1000  # of a search


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
            try:
                for start in range(0, len(flat), PARAMS_A_BATCH):
                    batch = [Param(*item) for item in flat[start : start + PARAMS_A_BATCH]]
                    self.client.log_batch(run.info.run_id, params=batch)
            except KeyboardInterrupt:
                # Nobody knows of the run yet, to end it.
                self.client.set_terminated(run.info.run_id, "KILLED")
                raise
        return Run(self.address, self.client, run.info.run_id)

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
            return Run(
                self.address, self.client, run_id, logged=self._last_steps(run_id, run.data.metrics)
            )

    def find_run(self, tags: Mapping[str, str], *, experiment: str = EXPERIMENT) -> "Run | None":
        """Return the latest run that carries all of `tags`, or None."""
        return next(iter(self._search(tags, experiment=experiment, most=1)), None)

    def find_open_runs(
        self, tags: Mapping[str, str], *, experiment: str = EXPERIMENT
    ) -> "list[Run]":
        """Return the runs that carry all of `tags` and have not ended, the latest first."""
        open_ones = "attributes.status = 'RUNNING'"
        return self._search(tags, open_ones, experiment=experiment, most=MOST_RUNS)

    def _search(
        self, tags: Mapping[str, str], *conditions: str, experiment: str, most: int
    ) -> "list[Run]":
        with tracking_errors(self.address):
            found = self.client.get_experiment_by_name(experiment)
            if found is None:
                return []
            wanted = [f"tags.`{key}` = '{value}'" for key, value in tags.items()]
            runs = self.client.search_runs(
                [found.experiment_id],
                " and ".join([*wanted, *conditions]),
                max_results=most,
                order_by=["attributes.start_time DESC"],
            )
            return [Run(self.address, self.client, run.info.run_id) for run in runs]

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
            return self.client.get_experiment(self.client.create_experiment(name, location, _KIND))
        except MlflowException as error:
            found = self.client.get_experiment_by_name(name)
            if error.error_code == "RESOURCE_ALREADY_EXISTS" and found is not None:
                return found  # another process was quicker
            raise


def _quiet_mlflow() -> None:
    # MLflow is configured by the environment alone, and reads it when it is imported.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    # Its line about a finished run repeats the address with the password in it.
    os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
    # A store that cannot be reached is told in one sentence, by whoever asked.
    for name in ("mlflow.store.db.utils", "urllib3.connectionpool"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
