"""`mrigen anomaly`: how unusual every voxel of a volume is to a trained model."""

import math
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from torch import Tensor

from mrigen.bundle import Bundle, load_bundle
from mrigen.data.scans import read_scans
from mrigen.data.slicing.dataset import DatasetConfig
from mrigen.data.slicing.whole_context import kept_slices, scan_of_file, stored_cohort
from mrigen.data.slicing.whole_map import ENDINGS, write_map
from mrigen.data.slicing.whole_volume import WholeVolume, read_whole
from mrigen.data.store.slice_store import SliceStore
from mrigen.errors import ConfigError, ModelError
from mrigen.evaluation.anomaly.maps import reconstruction_probability_map, residual_map
from mrigen.evaluation.config import AnomalyConfig, EvaluationConfig
from mrigen.images import from_integers
from mrigen.models.interfaces import Reconstructor
from mrigen.models.surprise import least_surprise
from mrigen.models.vae import VAE
from mrigen.project import Project
from mrigen.stages.index import SCANS
from mrigen.training.runtime import Runtime, choose_runtime

Method = Literal["residual", "probability"]

# A slice is as unusual as this share of its pixels, the highest ones.
_HIGHEST = 0.01
_SHOWN = 5


class AnomalyMap(NamedTuple):
    """A map that has been written.

    Attributes
    ----------
    path
        The file.
    slices
        Numbers of the most unusual slices, counted from 0 at the lowest in RAS+, the most unusual
        first; of those that the model's dataset would keep.
    """

    path: Path
    slices: tuple[int, ...]


def anomaly(
    project: Project,
    volume: Path,
    model: str,
    *,
    output: Path | None = None,
    channel: int | None = None,
    method: Method = "residual",
    overwrite: bool = False,
    runtime: Runtime | None = None,
) -> AnomalyMap:
    """Write a map of how unusual every voxel of a volume is to a trained model.

    Every slice is drawn as the model's dataset draws it, the model is asked what it thinks of it,
    and the answer is brought back onto the voxels of the file. Voxels outside the pictures' field
    of view, and outside the brain where the dataset has masks, are 0.

    Parameters
    ----------
    project
        The project folder.
    volume
        A NIfTI file, from the current folder where it is relative.
    model
        A trained model that answers images with images.
    output
        A file in .nii or .nii.gz; by default `exports/anomaly/<model>/<volume>.nii.gz` of the
        project.
    channel
        Of a 4-D file; needed where the dataset uses several.
    method
        "residual": absolute difference between a slice and the model's answer, in [0, 1].
        "probability": how much less probable a VAE finds a pixel than the best it could be, in
        nats, from 0.
    overwrite
        Replace a file that stands at `output`.
    runtime
        Where to compute; by default a GPU where there is one.

    Raises
    ------
    ConfigError
        If the names, the channel or the output do not fit.
    DataError
        If the volume cannot be used.
    ModelError
        If there is no such bundle, or its network has no such map.
    """
    config = project.model_config(model)
    dataset = project.dataset_config(config.dataset)
    volume = volume.resolve()
    target = _target(project, volume, model, output, channel)
    _check_free(target, volume, overwrite=overwrite)
    device = (runtime or choose_runtime()).device
    bundle = load_bundle(project.bundle(model), str(device))
    _check_model(bundle, model, method, dataset)
    max_voxels = project.params.sources[dataset.source].max_voxels
    whole = _read(project, volume, config.dataset, channel, max_voxels)
    found = _map(bundle, from_integers(whole.pixels)[:, None], method, config.evaluation)
    array = whole.put_back(found.numpy())
    if whole.mask is not None:
        array[~whole.mask] = 0
    words = f"anomaly by mrigen, {method}"
    write_map(target, array, like=volume, max_voxels=max_voxels, words=words)
    return AnomalyMap(target, _most_unusual(found, kept_slices(whole, dataset)))


def _read(
    project: Project, volume: Path, dataset: str, channel: int | None, max_voxels: int
) -> WholeVolume:
    config = project.dataset_config(dataset)
    index = project.index / SCANS
    known = read_scans(index) if index.exists() else []
    root = project.root
    scan = scan_of_file(volume, channel, config, known=known, root=root, max_voxels=max_voxels)
    cohort = None
    if config.intensity.scope == "cohort":
        cohort = stored_cohort(SliceStore(project.processed(dataset)).grids, config)
    return read_whole(
        *(scan, config), root=root, max_voxels=max_voxels, cohort=cohort, masks=project.masks
    )


def _target(
    project: Project, volume: Path, model: str, output: Path | None, channel: int | None
) -> Path:
    if output is not None:
        if not output.name.endswith(ENDINGS):
            raise ConfigError(f"'{output}' is no file for a map: expected a name in .nii.gz.")
        return output
    ending = next((each for each in reversed(ENDINGS) if volume.name.endswith(each)), "")
    name = volume.name.removesuffix(ending) + (f"_{channel}" if channel is not None else "")
    return project.root / "exports" / "anomaly" / model / f"{name}.nii.gz"


def _check_free(target: Path, volume: Path, *, overwrite: bool) -> None:
    if target.resolve() == volume:
        raise ConfigError(f"'{target}' is the volume itself: name another file with --output.")
    if target.is_dir():
        raise ConfigError(f"'{target}' is a folder: name a file in .nii.gz with --output.")
    if target.exists() and not overwrite:
        raise ConfigError(
            f"'{target}' is there already: name another file with --output, or replace it with "
            "--force."
        )


def _check_model(bundle: Bundle, model: str, method: Method, dataset: DatasetConfig) -> None:
    kind = type(bundle.model).__name__
    if not isinstance(bundle.model, Reconstructor):
        raise ModelError(
            f"model '{model}' is a {kind}, which answers no images: expected a network that "
            "restores or reproduces them. Name another model."
        )
    if method == "probability" and not isinstance(bundle.model, VAE):
        raise ModelError(
            f"model '{model}' is a {kind}, which knows no probability: expected a VAE. "
            "Use --method residual, or name another model."
        )
    if bundle.config.image_size != dataset.size:
        raise ModelError(
            f"model '{model}' was trained on slices of {bundle.config.image_size} pixels, and its "
            f"dataset now has {dataset.size}: its slices would mean nothing to it. Run: mrigen "
            f"train {model}."
        )


def _map(bundle: Bundle, images: Tensor, method: Method, evaluation: EvaluationConfig) -> Tensor:
    settings, network = evaluation.anomaly or AnomalyConfig(), bundle.model
    device = next(network.parameters()).device
    if method == "residual":
        assert isinstance(network, Reconstructor)
        return residual_map(network, images, smoothing=settings.smoothing, device=device)
    assert isinstance(network, VAE)
    found = reconstruction_probability_map(
        network,
        images,
        draws=settings.draws,
        seed=evaluation.seed,
        smoothing=settings.smoothing,
        device=device,
    )
    return (found - least_surprise(network)).clamp(min=0)


def _most_unusual(found: Tensor, kept: npt.NDArray[np.bool_]) -> tuple[int, ...]:
    pixels = found.flatten(1)
    highest = pixels.topk(math.ceil(_HIGHEST * pixels.shape[1]), dim=1).values
    scores = np.where(kept, highest.mean(1).numpy(), -np.inf)
    order = np.argsort(-scores, kind="stable")[: min(_SHOWN, int(kept.sum()))]
    return tuple(order.tolist())
