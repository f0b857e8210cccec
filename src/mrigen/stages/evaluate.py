"""Judge a trained model on test subjects: numbers, pictures, and both in its MLflow run."""

import csv
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from mrigen import __version__
from mrigen.atomic import atomic_folder
from mrigen.bundle import Bundle, load_bundle
from mrigen.data.loader import TEST, TRAIN, VALIDATION, SliceDataset, ordered_batches
from mrigen.data.store.slice_store import SliceStore
from mrigen.errors import ModelError
from mrigen.evaluation.figures import curve_figure, restoration_figure, sample_figure
from mrigen.evaluation.generation import evaluate_generation, generate
from mrigen.evaluation.latent import evaluate_latent
from mrigen.evaluation.reconstruction import evaluate_restoration, reconstruct
from mrigen.metrics.features import build_extractor
from mrigen.models.interfaces import Reconstructor, Sampler
from mrigen.models.vae import VAE
from mrigen.project import ModelConfig, Project
from mrigen.tracking.tracker import Tracker, connect
from mrigen.training.runtime import Runtime, choose_runtime

METRICS, EVALUATED, FIGURES = "metrics.json", "evaluated.json", "figures"
SAMPLES, RESTORATIONS, CURVES = "samples.png", "restorations.png", "curves.png"

_BATCH = 32

_logger = logging.getLogger(__name__)

Metrics = dict[str, float]
Pictures = dict[str, bytes]


def evaluate(project: Project, model: str, *, runtime: Runtime | None = None) -> Metrics:
    """Judge a trained model and write `evaluation/<model>/`.

    The folder holds `metrics.json` (flat, all numbers finite), `evaluated.json` (which bundle,
    which data) and `figures/`. Numbers and figures also go to the run that trained the bundle.

    Parameters
    ----------
    project
        The project folder.
    model
        A name under `models:`; it must have been trained.
    runtime
        Where to compute; by default a GPU where there is one.

    Returns
    -------
    dict
        The metrics.

    Raises
    ------
    ConfigError, DataError, ModelError, TrackingError
        If the model, its bundle, its slices or the MLflow store cannot be used.
    """
    config = project.model_config(model)
    runtime = runtime or choose_runtime()
    tracker = connect(project.root)
    bundle = load_bundle(project.bundle(model), str(runtime.device))
    store = SliceStore(project.processed(config.dataset))
    store.verify()
    _require_same_data(bundle, store, model)
    judgement = _Judgement(bundle, store, config, runtime)
    metrics, pictures = judgement.judge(model)
    curves = _draw_curves(project.model_folder(model) / "history.csv")
    if curves is not None:
        pictures[CURVES] = curves
    folder = project.evaluation(model)
    with atomic_folder(folder) as temporary:
        _write_json(temporary / METRICS, metrics)
        _write_json(temporary / EVALUATED, judgement.subject)
        (temporary / FIGURES).mkdir()
        for name, png in pictures.items():
            (temporary / FIGURES / name).write_bytes(png)
    _log(tracker, model, bundle, metrics, folder)
    return metrics


@dataclass(frozen=True)
class _Judgement:
    """A trained network and the slices that judge it."""

    bundle: Bundle
    store: SliceStore
    config: ModelConfig
    runtime: Runtime

    @property
    def subject(self) -> dict[str, object]:
        """What the numbers belong to; `compare` refuses those of another bundle."""
        return {
            "bundle": self.bundle.digest,
            "data_fingerprint": self.store.fingerprint,
            "evaluation": self.config.evaluation.model_dump(mode="json"),
            "mrigen_version": __version__,
        }

    def judge(self, model: str) -> tuple[Metrics, Pictures]:
        network = self.bundle.model
        metrics: Metrics = {}
        pictures: Pictures = {}
        if isinstance(network, Reconstructor):
            metrics |= self.restoration(network)
            pictures[RESTORATIONS] = self.draw_restorations(network)
        if isinstance(network, Sampler):
            metrics |= self.generation(network)
            pictures[SAMPLES] = self.draw_samples(network)
        if isinstance(network, VAE):
            metrics |= self.latent(network)
        if not metrics:
            raise ModelError(
                f"model '{model}' is a {type(network).__name__}, which neither restores nor "
                "generates images: nothing can be evaluated. Use another network."
            )
        return metrics, pictures

    def restoration(self, network: Reconstructor) -> Metrics:
        # The damage is done on the CPU: the same bytes, whatever device the network is on.
        batches = ordered_batches(
            self.damaged(), batch_size=_BATCH, limit=self.config.evaluation.slices
        )
        return evaluate_restoration(network, batches, device=self.runtime.device)

    def draw_restorations(self, network: Reconstructor) -> bytes:
        count = self.config.evaluation.restoration_images
        batch = next(ordered_batches(self.damaged(), batch_size=count, limit=count))
        restored = reconstruct(network, batch.input, device=self.runtime.device)
        return restoration_figure(
            batch.input, target=batch.target, restored=restored, patch=batch.patch
        )

    def generation(self, network: Sampler) -> Metrics:
        evaluation = self.config.evaluation
        count = min(evaluation.samples, len(self.clean(TEST)), len(self.clean(TRAIN)))
        return evaluate_generation(
            network,
            test=self.real(TEST, count),
            train=self.real(TRAIN, count),
            extractor=build_extractor(evaluation.extractor, device=self.runtime.device),
            seed=evaluation.seed,
        )

    def latent(self, network: VAE) -> Metrics:
        # The best noise is a number learned from slices: never from those that judge.
        other = VALIDATION if len(self.store.positions(VALIDATION)) else TRAIN
        slices = self.config.evaluation.slices
        return evaluate_latent(
            network,
            test=self.real(TEST, slices),
            calibration=self.real(other, slices),
            seed=self.config.evaluation.seed,
            device=self.runtime.device,
        )

    def draw_samples(self, network: Sampler) -> bytes:
        count = min(self.config.evaluation.sheet_images, len(self.clean(TEST)))
        batch = next(ordered_batches(self.clean(TEST), batch_size=count, limit=count))
        generated = next(generate(network, count, seed=self.config.evaluation.seed))
        return sample_figure(generated, batch.target)

    def damaged(self) -> SliceDataset:
        seed = self.config.evaluation.seed
        return SliceDataset(self.store, TEST, corruption=self.config.corruption, seed=seed)

    def clean(self, split: str) -> SliceDataset:
        return SliceDataset(self.store, split, corruption=None, seed=0)

    def real(self, split: str, count: int) -> Iterator[Tensor]:
        for batch in ordered_batches(self.clean(split), batch_size=_BATCH, limit=count):
            yield batch.target


def _require_same_data(bundle: Bundle, store: SliceStore, model: str) -> None:
    # Other slices may come with other splits: subjects the model has seen could be judges.
    trained_on = bundle.card.get("data_fingerprint")
    if trained_on != store.fingerprint:
        raise ModelError(
            f"model '{model}' was trained on slices with the fingerprint {str(trained_on)[:12]}, "
            f"but '{store.path}' now has {store.fingerprint[:12]}: its test subjects may have "
            f"been trained on. Run: mrigen train {model}."
        )


def _draw_curves(path: Path) -> bytes | None:
    if not path.exists():
        return None
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file, strict=True))
        if not rows:
            return None
        # A phase that runs in a part of the training leaves blanks in the other epochs.
        curves = {name: [float(row[name] or "nan") for row in rows] for name in rows[0]}
        curves["epoch"] = [float(row["epoch"]) for row in rows]
    except (OSError, ValueError, TypeError, LookupError, csv.Error) as error:
        # The numbers need no curves: they are worth having without.
        _logger.warning("'%s' is damaged (%s): the loss is not drawn.", path, error)
        return None
    return curve_figure(curves)


def _write_json(path: Path, values: object) -> None:
    text = json.dumps(values, indent=2, sort_keys=True, allow_nan=False) + "\n"
    path.write_text(text, encoding="utf-8")


def _log(tracker: Tracker, model: str, bundle: Bundle, metrics: Metrics, folder: Path) -> None:
    run = tracker.find_run({"mrigen.bundle": bundle.digest})
    if run is not None:
        # The training has ended already: its status and its end stay as they are.
        run.log_metrics(metrics)
        run.flush()
        run.log_artifact(folder, "evaluation")
        return
    tags = {"mrigen.bundle": bundle.digest, "mrigen.model": model}
    with tracker.start_run(name=model, tags=tags) as fresh:
        fresh.log_metrics(metrics)
        fresh.log_artifact(folder, "evaluation")
