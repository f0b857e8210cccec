"""What a training leaves behind: the bundle, the curves, the costs, and an entry in MLflow."""

import csv
import json
import logging
from collections.abc import Mapping
from pathlib import Path

from mrigen import __version__
from mrigen.atomic import atomic_file, write_text
from mrigen.bundle import BundleConfig, save_bundle
from mrigen.stages.cohort import is_synthetic
from mrigen.stages.finished_network import finish_network
from mrigen.stages.looks import kept_half_life
from mrigen.stages.provenance import dvc_hash, git_commit
from mrigen.stages.slice_geometry import slice_geometry
from mrigen.stages.training_epochs import Row
from mrigen.stages.training_job import TrainingJob
from mrigen.stages.training_session import TrainingSession
from mrigen.training.hardware import NOT_READABLE
from mrigen.training.state import TrainState
from mrigen.training.timing import Timing, peak_memory_gib

_log = logging.getLogger(__name__)


def write_result(job: TrainingJob, state: TrainState, session: TrainingSession) -> str:
    """Write the bundle, the curves and the timing, and tell MLflow; return the bundle's digest.

    Raises
    ------
    ModelError
        If the best weights are to be kept and cannot be read, or no validation loss was finite.
    """
    project, epochs = job.project, len(session.history)
    network = state.final_network
    kept = _kept(job, session, finish_network(job, network, session.best, epochs))
    bundle = BundleConfig(model=job.model, image_size=job.store.size, network=job.config.network)
    card = model_facts(job) | kept
    digest = save_bundle(project.bundle(job.model), network, config=bundle, card=card)
    _write_history(project.model_folder(job.model) / "history.csv", session.history)
    timing = _timing(job, state, session, digest)
    write_text(project.model_folder(job.model) / "timing.json", json.dumps(timing, indent=2) + "\n")
    tags = {"mrigen.bundle": digest, "mrigen.energy_source": timing["energy_source"]}
    session.run.set_tags(tags | {f"mrigen.{name}": str(each) for name, each in kept.items()})
    numbers = {name: value for name, value in timing.items() if isinstance(value, float)}
    session.run.log_metrics(numbers, step=epochs)
    session.run.log_artifact(project.bundle(job.model), "bundle")
    _log.info(
        "%s: bundle %s of %s is in %s",
        *(job.model, digest[:12], _spoken(kept), project.bundle(job.model)),
    )
    return digest


def _kept(job: TrainingJob, session: TrainingSession, epoch: int) -> dict[str, float]:
    kept: dict[str, float] = {"kept_epoch": epoch}
    half_life = kept_half_life(job, session.looks)
    if half_life is not None:
        kept["kept_half_life"] = half_life
    if session.looks is not None and session.looks.epoch:
        kept["kept_kernel_distance"] = session.looks.best
    return kept


def _spoken(kept: Mapping[str, float]) -> str:
    words = [f"{name.removeprefix('kept_')} {value:.4g}" for name, value in kept.items()]
    return ", ".join(words).replace("_", " ")


def _timing(job: TrainingJob, state: TrainState, session: TrainingSession, digest: str) -> Timing:
    seconds, epochs = session.clock.seconds, len(session.history)
    timing = Timing(
        bundle=digest,
        device=job.runtime.device_name,
        precision=job.runtime.precision,
        seconds=seconds,
        seconds_per_epoch=seconds / epochs,
        images_per_second=state.step * job.config.training.batch_size / seconds,
        peak_memory_gib=peak_memory_gib(job.runtime.device),
        energy_source=NOT_READABLE,
    )
    if session.looks is not None:
        timing["look_seconds"] = session.looks.seconds
    joules = session.energy.so_far()
    if joules is not None:
        timing["energy_source"] = session.energy.source
        timing["joules"], timing["kilowatt_hours"] = joules, joules / 3.6e6
        timing["mean_watts"] = joules / (seconds + timing.get("look_seconds", 0))
    return timing


def model_facts(job: TrainingJob) -> dict[str, object]:
    """Return what the card of a bundle says of a training before it has begun."""
    return {
        "model": job.model,
        "dataset": job.config.dataset,
        "data_fingerprint": job.store.fingerprint,
        "split": job.store.split_kind,
        "slices": slice_geometry(job),
        "warnings": list(job.store.warnings),
        "dvc_data": dvc_hash(job.project.root),
        "synthetic_data": is_synthetic(job.store),
        "git_commit": git_commit(job.project.root),
        "mrigen_version": __version__,
        "params": job.section,
    }


def _write_history(path: Path, history: list[Row]) -> None:
    # A phase that starts late has terms in some rows only: those of the others stay blank.
    columns = list(dict.fromkeys(name for row in history for name in row))
    with atomic_file(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=columns, restval="")
        writer.writeheader()
        writer.writerows(history)
