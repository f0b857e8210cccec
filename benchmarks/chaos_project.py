"""A copy of a project with a second and a damaged version of one generator, and right answers."""

import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from nibabel import Nifti1Image

from mrigen.bundle import BundleConfig, load_bundle, save_bundle
from mrigen.models.sampling import draw_samples, reconstruct_chunk, single_threaded
from mrigen.registry.gate import GateConfig
from mrigen.registry.lookup import CHAMPION
from mrigen.registry.registration import register_bundle
from mrigen.registry.versions import RegisteredBundle, resolve
from mrigen.serving.drawing import plan_drawing
from mrigen.serving.encoding import sample_encoder
from mrigen.serving.schemas import SampleRequest
from mrigen.serving.served import ServedModel
from mrigen.stages.serving.loading import served
from mrigen.tracking.tracker import ARTIFACTS, EXPERIMENT, Tracker, connect

MOST_SAMPLES = 10_000


@dataclass
class ChaosProject:
    """A copied project.

    Attributes
    ----------
    root
        Its folder.
    moved
        Name of the generator whose champion changes.
    good, bad
        Its versions that may be served, and the one whose files were changed.
    """

    root: Path
    moved: str
    good: tuple[int, int]
    bad: int
    served: dict[tuple[str, int], ServedModel] = field(repr=False)

    def move(self, version: int) -> None:
        """Let a version be the champion."""
        tracker = connect(self.root)
        tracker.client.set_registered_model_alias(self.moved, CHAMPION, str(version))

    def samples(self, name: str, version: int, request: SampleRequest) -> bytes:
        """Return the file that a request for samples has to bring."""
        return _samples(self.served[name, version], request.model_dump_json())

    def restored(self, name: str, images: np.ndarray) -> np.ndarray:
        """Return a restorer's answer to at most a chunk of images, (N, H, W) in [0, 1]."""
        (network,) = (model.network for key, model in self.served.items() if key[0] == name)
        with single_threaded():
            return reconstruct_chunk(network, torch.from_numpy(images)[:, None])[:, 0].numpy()

    def size(self, name: str) -> int:
        """Return height and width of a model's images."""
        return next(model.image_size for key, model in self.served.items() if key[0] == name)


def copy_project(source: Path, root: Path, *, moved: str, models: tuple[str, ...]) -> ChaosProject:
    """Copy registered models; add two versions of the generator `moved`, one of them damaged."""
    for name in ("params.yaml", "mlflow.db"):
        shutil.copyfile(source / name, root / name)
    shutil.copytree(source / ARTIFACTS, root / ARTIFACTS)
    _write_here(root)
    tracker = connect(root)
    first = resolve(tracker, f"{moved}@{CHAMPION}")
    second, third = (_perturbed(tracker, first, root / f"bundle{n}", n) for n in (1, 2))
    bundles = [resolve(tracker, f"{name}@{CHAMPION}") for name in models]
    bundles += [resolve(tracker, f"{moved}/{second}")]
    known = {(one.name, one.version): served(one) for one in bundles}
    _damage(resolve(tracker, f"{moved}/{third}"))
    return ChaosProject(root, moved, (first.version, second), third, known)


def _write_here(root: Path) -> None:
    # MLflow writes new files where the experiment was made, which is the source.
    home = (root / ARTIFACTS / EXPERIMENT).absolute().as_uri()
    with closing(sqlite3.connect(root / "mlflow.db")) as database, database:
        database.execute("UPDATE experiments SET artifact_location = ?", (home,))


def _perturbed(tracker: Tracker, bundle: RegisteredBundle, folder: Path, seed: int) -> int:
    loaded = load_bundle(bundle.path)
    noise = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in loaded.model.parameters():
            drift = torch.randn(parameter.shape, generator=noise)
            parameter.add_(drift * parameter.abs().mean(), alpha=0.02)
    config = BundleConfig.model_validate(loaded.config.model_dump())
    save_bundle(folder, loaded.model, config=config, card=dict(loaded.card))
    return register_bundle(tracker, folder, gate=GateConfig({}), metrics={}).version


def _damage(bundle: RegisteredBundle) -> None:
    path = bundle.path / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)


@cache
def _samples(model: ServedModel, request: str) -> bytes:
    asked = SampleRequest.model_validate_json(request)
    assert asked.seed is not None
    work = plan_drawing(model, asked, seed=asked.seed, max_count=MOST_SAMPLES)
    encoder = sample_encoder(
        asked.format, work, name=model.name, version=model.version, image_size=model.image_size
    )
    with single_threaded():
        images = draw_samples(work.network, work.seeds, work.conditions)
    return encoder.add(images) + encoder.finish()


def npz(**arrays: np.ndarray) -> bytes:
    """Return arrays as an NPZ file."""
    buffer = BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def volume(slices: np.ndarray) -> bytes:
    """Return slices, (N, H, W), as a NIfTI volume of 1 mm, cut along its last axis."""
    return Nifti1Image(slices.transpose(1, 2, 0), np.eye(4)).to_bytes()
