"""Registering a bundle: one version per bundle, a candidate, and a champion behind a gate."""

import json
import re
import shutil
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version as installed
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mrigen.bundle import CARD, CONFIG, WEIGHTS, Bundle, load_bundle
from mrigen.errors import RegistryError
from mrigen.models.interfaces import Conditional, Quick, Sampler
from mrigen.registry.gate import GateConfig
from mrigen.registry.inspection import file_digests
from mrigen.registry.lookup import (
    CANDIDATE,
    CHAMPION,
    DIGEST_TAG,
    FILES_TAG,
    METRIC_TAG,
    NAME,
    aliases_of,
    find_version,
    versions_of,
)
from mrigen.registry.versions import fetch
from mrigen.tracking.refusals import tracking_errors
from mrigen.tracking.run import Run
from mrigen.tracking.tracker import Tracker

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.models import ModelSignature

_FOLDER = "registered"  # in the artifacts of the training run
_REQUIREMENTS = ("mrigen", "mlflow", "numpy", "safetensors", "torch")


class ModelCard(NamedTuple):
    """What is written about a version: a file of Markdown, and its beginning as description."""

    name: str
    text: str
    description: str


@dataclass(frozen=True)
class Registration:
    """What `register_bundle` did.

    Attributes
    ----------
    created
        Whether the version is new; False if this bundle had been registered before.
    promoted
        Whether it has just become champion.
    champion
        The version that is champion now, or None.
    refusals
        Why it did not pass the gate, one sentence per bound; empty if it passed.
    """

    name: str
    version: int
    digest: str
    created: bool
    promoted: bool
    champion: int | None
    refusals: tuple[str, ...]

    def __str__(self) -> str:
        state = "is registered as" if self.created else "was registered before as"
        text = f"'{self.name}' {state} version {self.version}"
        if self.promoted:
            return f"{text} and is champion now."
        if self.champion == self.version:
            return f"{text} and stays champion."
        if self.refusals:
            return f"{text} and does not become champion: {'; '.join(self.refusals)}."
        return f"{text}; version {self.champion} stays champion, unless you promote this one."


def register_bundle(
    tracker: Tracker,
    path: Path,
    *,
    metrics: Mapping[str, float],
    gate: GateConfig,
    promote: bool = False,
    card: ModelCard | None = None,
) -> Registration:
    """Register the bundle at `path` under its model's name; the same bundle only once.

    Alias `candidate` moves to it. Alias `champion` does if it passes the gate and there is no
    champion yet, or `promote` asks for it.

    Parameters
    ----------
    tracker
        The MLflow store.
    path
        A bundle.
    metrics
        The bundle's evaluation, for the gate and as tags of the version.
    gate
        What a champion has to reach.
    promote
        Replace the present champion.
    card
        What people read of it; kept beside the files of the version, and as its description.

    Raises
    ------
    ModelError
        If the bundle is damaged.
    RegistryError
        If `promote` is asked for a bundle that does not pass; it stays a candidate.
    TrackingError
        If the store refuses.
    """
    bundle = load_bundle(path)
    name = bundle.config.model
    if not re.fullmatch(NAME, name):
        raise RegistryError(
            f"'{name}' cannot be the name of a registered model: expected letters, digits, '_', "
            "'.' and '-'. Rename it in params.yaml and train it again."
        )
    with tracking_errors(tracker.address), tracker.address.lock():
        found = _version_of(tracker, name, bundle.digest)
        version = found or _create_version(tracker, bundle, metrics)
        _tag_version(tracker, version, metrics)
        if FILES_TAG not in version.tags and found is not None:
            _record_files(tracker, version, bundle)
        if card is not None:
            _attach(tracker, version, card)
        refusals = tuple(gate.refusals(metrics))
        champion = aliases_of(tracker, name).get(CHAMPION)
        rises = not refusals and (promote or champion is None) and champion != int(version.version)
        tracker.client.set_registered_model_alias(name, CANDIDATE, version.version)
        if rises:
            tracker.client.set_registered_model_alias(name, CHAMPION, version.version)
            champion = int(version.version)
    if promote and refusals:
        raise RegistryError(
            f"'{name}' version {version.version} cannot become champion: {'; '.join(refusals)}. "
            f"It stays candidate; train a better one or change 'models.{name}.gate'."
        )
    return Registration(
        name=name,
        version=int(version.version),
        digest=bundle.digest,
        created=found is None,
        promoted=rises,
        champion=champion,
        refusals=refusals,
    )


def _version_of(tracker: Tracker, name: str, digest: str) -> "ModelVersion | None":
    for version in versions_of(tracker, name):
        if version.tags.get(DIGEST_TAG) == digest:
            return version
    return None


def _tag_version(tracker: Tracker, version: "ModelVersion", metrics: Mapping[str, float]) -> None:
    for name, value in metrics.items():
        text = f"{value:.6g}"
        tag = f"{METRIC_TAG}{name}"
        if version.tags.get(tag) != text:
            tracker.client.set_model_version_tag(version.name, version.version, tag, text)


def _record_files(tracker: Tracker, version: "ModelVersion", bundle: Bundle) -> None:
    """Record the digests of a version from before they were, if its card is the bundle's."""
    known = fetch(tracker, find_version(tracker, f"{version.name}/{version.version}"))
    if known.card == bundle.card:
        tracker.client.set_model_version_tag(
            version.name, version.version, FILES_TAG, json.dumps(known.files)
        )


def _attach(tracker: Tracker, version: "ModelVersion", card: ModelCard) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / card.name
        path.write_text(card.text, encoding="utf-8")
        tracker.client.log_artifact(version.run_id, str(path), _FOLDER)
    if version.description != card.description:
        tracker.client.update_model_version(version.name, version.version, card.description)


def _create_version(
    tracker: Tracker, bundle: Bundle, metrics: Mapping[str, float]
) -> "ModelVersion":
    from mlflow.exceptions import MlflowException

    name = bundle.config.model
    run = tracker.find_run({DIGEST_TAG: bundle.digest}) or _stand_in(tracker, bundle, metrics)
    with tempfile.TemporaryDirectory() as temporary:
        folder = _save_pyfunc(Path(temporary), bundle)
        files = json.dumps(file_digests(folder))
        run.log_artifact(folder, _FOLDER)
    try:
        tracker.client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    source = f"{tracker.client.get_run(run.id).info.artifact_uri}/{_FOLDER}"
    return tracker.client.create_model_version(
        name, source, run_id=run.id, tags={DIGEST_TAG: bundle.digest, FILES_TAG: files}
    )


def _stand_in(tracker: Tracker, bundle: Bundle, metrics: Mapping[str, float]) -> Run:
    """Make a run for a bundle whose training is in another store, or came out of DVC's cache."""
    tags = {DIGEST_TAG: bundle.digest, "mrigen.model": bundle.config.model}
    params = {"image_size": bundle.config.image_size, "network": bundle.config.network}
    with tracker.start_run(name=bundle.config.model, tags=tags, params=params) as run:
        run.log_metrics(metrics)
    return run


def _save_pyfunc(temporary: Path, bundle: Bundle) -> Path:
    import mlflow.pyfunc

    # A copy, so that the folder has one name in every registry and holds nothing else.
    copy = temporary / "bundle"
    copy.mkdir()
    for name in (WEIGHTS, CONFIG, CARD):
        shutil.copyfile(bundle.path / name, copy / name)
    folder = temporary / "model"
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*An input example was not provided")
        mlflow.pyfunc.save_model(
            str(folder),
            python_model=str(Path(__file__).with_name("pyfunc_model.py")),
            artifacts={"bundle": str(copy)},
            signature=_signature(bundle),
            pip_requirements=[f"{name}=={installed(name)}" for name in _REQUIREMENTS],
            metadata={DIGEST_TAG: bundle.digest},
        )
    return folder


def _signature(bundle: Bundle) -> "ModelSignature":
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import ParamSchema, ParamSpec, Schema, TensorSpec

    if isinstance(bundle.model, Sampler):
        size = bundle.config.image_size
        params = [ParamSpec("num_samples", "long", 1), ParamSpec("seed", "long", 0)]
        if isinstance(bundle.model, Quick):
            params.append(ParamSpec("quick", "boolean", default=False))
        if isinstance(bundle.model, Conditional):  # None: nothing is known
            params += [
                ParamSpec(one.name, "string" if one.choices else "double", None)
                for one in bundle.model.conditions
            ]
        images = Schema([TensorSpec(np.dtype(np.float32), (-1, 1, size, size))])
        return ModelSignature(outputs=images, params=ParamSchema(params))
    images = Schema([TensorSpec(np.dtype(np.float32), (-1, 1, -1, -1))])
    return ModelSignature(inputs=images, outputs=images)
