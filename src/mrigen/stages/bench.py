"""Which hardware for which network: a model's speed and cost on each device that is there."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from mrigen import __version__
from mrigen.atomic import write_text
from mrigen.data.store.slice_store import SliceStore
from mrigen.errors import ConfigError, DataError, MrigenError
from mrigen.model_config import ModelConfig
from mrigen.project import Project
from mrigen.stages.bench_device import BenchTask, DeviceFigures, measure_device
from mrigen.stages.bench_table import csv_table
from mrigen.stages.own_process import KilledError, answer_from_own_process
from mrigen.stages.provenance import git_commit
from mrigen.tracking.tracker import Tracker, connect

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Bench:
    """What `bench` measured.

    Attributes
    ----------
    model, dataset, image_size
        What was trained and sampled, for a moment.
    devices
        One entry per device that could be used.
    left_out
        Devices that could not, with the reason.
    """

    model: str
    dataset: str
    image_size: int
    devices: tuple[DeviceFigures, ...]
    left_out: dict[str, str]

    @property
    def title(self) -> str:
        """What the table is about, in a line."""
        slices = self.devices[0].slices
        size = self.image_size
        return f"{self.model}, {slices:,} training slices of '{self.dataset}' ({size} x {size})"


def bench(
    project: Project,
    model: str,
    *,
    devices: Sequence[str] = (),
    steps: int = 20,
    batch_size: int | None = None,
    choices: Mapping[str, Any] | None = None,
) -> Bench:
    """Time training and answering on each device, and write `bench/<model>.json` and `.csv`.

    The weights are fresh and thrown away: neither a bundle nor a training under way is touched.
    The table goes to a run of its own in MLflow as well.

    Parameters
    ----------
    project
        The project folder.
    model
        A name under `models:`; its dataset must have been cut.
    devices
        Names of torch devices; by default the processor and every GPU.
    steps
        Updates to time, after a warm-up.
    batch_size
        In place of the model's.
    choices
        What else `choose_runtime` takes, such as the precision.

    Raises
    ------
    ConfigError
        If none of the devices can be used.
    DataError, ModelError, TrackingError
        If the slices or the MLflow store cannot be used.
    """
    config = _resized(project.model_config(model), batch_size)
    store = _store(project, config.dataset)
    tracker = connect(project.root)
    figures: list[DeviceFigures] = []
    left_out: dict[str, str] = {}
    for device in dict.fromkeys(devices or present_devices()):
        _log.info("%s: measuring %d steps on '%s'.", model, steps, device)
        task = BenchTask(
            project, model, config, device, dict(choices or {}), steps, torch.get_num_threads()
        )
        try:
            figures.append(answer_from_own_process(measure_device, task))
        except KilledError as error:
            left_out[device] = f"device '{device}': {error}; use a smaller --batch-size."
        except MrigenError as error:
            left_out[device] = str(error)
    if not figures:
        raise ConfigError(" ".join(dict.fromkeys(left_out.values())))
    found = Bench(model, config.dataset, store.size, tuple(figures), left_out)
    paths = _write(project.root / "bench", found)
    _track(tracker, project, config, store, found, paths)
    return found


def present_devices() -> list[str]:
    """Return the processor and the GPUs of this machine by their torch names."""
    count = torch.cuda.device_count()
    cuda = ["cuda"] if count == 1 else [f"cuda:{number}" for number in range(count)]
    mps = ["mps"] if torch.backends.mps.is_available() else []
    return ["cpu", *cuda, *mps]


def _resized(config: ModelConfig, batch_size: int | None) -> ModelConfig:
    if batch_size is None:
        return config
    training = config.training.model_copy(update={"batch_size": batch_size})
    return config.model_copy(update={"training": training})


def _store(project: Project, dataset: str) -> SliceStore:
    path = project.processed(dataset)
    if not path.exists():
        raise DataError(
            f"dataset '{dataset}' has not been cut yet, and an epoch is as long as it has slices: "
            f"run 'mrigen slices {dataset}' first."
        )
    store = SliceStore(path)
    store.verify()
    return store


def _write(folder: Path, found: Bench) -> tuple[Path, ...]:
    folder.mkdir(exist_ok=True)
    as_json, as_csv = folder / f"{found.model}.json", folder / f"{found.model}.csv"
    values = asdict(found) | {"mrigen_version": __version__}
    write_text(as_json, json.dumps(values, indent=2, allow_nan=False) + "\n")
    write_text(as_csv, csv_table(found.devices))
    return as_json, as_csv


def _track(
    tracker: Tracker,
    project: Project,
    config: ModelConfig,
    store: SliceStore,
    found: Bench,
    paths: Sequence[Path],
) -> None:
    tags = {
        "mrigen.kind": "bench",
        "mrigen.model": found.model,
        "mrigen.dataset": found.dataset,
        "mrigen.data": store.fingerprint,
        "mrigen.version": __version__,
        "mlflow.source.git.commit": git_commit(project.root) or "unknown",
    }
    facts = {
        _place(each.device): {
            name: value
            for name, value in asdict(each).items()
            if name not in {"device", "measured", "extrapolated"}
        }
        for each in found.devices
    }
    params = {"dataset": found.dataset, **config.trained, "bench": facts}
    with tracker.start_run(name=f"bench {found.model}", tags=tags, params=params) as run:
        for each in found.devices:
            numbers = each.measured | each.extrapolated
            place = f"bench/{_place(each.device)}"
            run.log_metrics({f"{place}/{name}": value for name, value in numbers.items()})
        for path in paths:
            run.log_artifact(path, "bench")


def _place(device: str) -> str:
    return device.replace(":", "_")  # MLflow does not take a colon everywhere
