"""Draw a pseudo-volume: slices of one noise, each at its own position, as a NIfTI file."""

import json
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from rich.progress import MofNCompleteColumn
from torch import Tensor

from mrigen.atomic import atomic_file
from mrigen.data.export.pseudo_volume import ENDINGS, encode_pseudo_volume
from mrigen.data.slicing.stack_geometry import StackGeometry
from mrigen.errors import ConfigError, ModelError, printable, shown
from mrigen.evaluation.stacks.drawing import POSITION, stack_sampler, takes_positions
from mrigen.models.condition_values import condition_values
from mrigen.models.interfaces import Quick, Sampler
from mrigen.models.sampling import CHUNK, draw_from_noise, single_threaded
from mrigen.models.stack_noise import stack_noise
from mrigen.project import Project
from mrigen.serving.engine.cores import lanes_for
from mrigen.serving.schemas import LAST_SEED
from mrigen.serving.served import ServedModel
from mrigen.stages.progress import reporting
from mrigen.stages.serving.loading import load_served
from mrigen.stages.slice_geometry import read_slice_geometry
from mrigen.stages.stack_span import Span, positions_of
from mrigen.tracking.tracker import connect

_LEAST_TURN_MM = 0.1

_log = logging.getLogger(__name__)


def stack(
    project: Project,
    reference: str,
    *,
    out: Path,
    conditions: Mapping[str, float | str] | None = None,
    span: Span = Span(),  # noqa: B008 - a tuple of Nones
    seed: int = 0,
    turn_mm: float | None = None,
    quick: bool = False,
    device: str = "cpu",
    lanes: int | None = None,
    progress: bool = False,
) -> Path:
    """Write a pseudo-volume: slices of one noise, each told its own position, as a NIfTI file.

    The same model, request and kind of machine give the same bytes.

    Parameters
    ----------
    project
        The project folder.
    reference
        A registered model: NAME@ALIAS, NAME/VERSION, or NAME for its champion.
    out
        A file in .nii or .nii.gz; one that stands there is replaced.
    conditions
        Values of what else the model lists under `conditions`.
    span
        Which positions.
    seed
        Of the noise, from 0.
    turn_mm
        The noise turns into another one along this way; None is one noise for the whole stack.
    quick
        Use the quick mode of a model that has one.
    device
        A torch device. Bytes are the same on the same kind of device only.
    lanes
        Chunks computed at the same time; by default one per core on a CPU, and one elsewhere.
        They do not change a byte.
    progress
        Whether to show how far it is.

    Raises
    ------
    ConfigError
        If the name of the file, the seed, a condition or the span do not fit.
    ModelError
        If the model cannot be told positions, its card does not say where its slices lie, or what
        it draws is not finite.
    RegistryError, TrackingError
        If there is no such registered model or no store.
    """
    _check(out, seed, turn_mm)
    model = load_served(connect(project.root, write=False), reference, device)
    network = _asked_for_positions(model, quick=quick)
    geometry = read_slice_geometry(model.card, model=model.name)
    told = _told(model, conditions or {})
    places = positions_of(span, model, geometry)

    def draw(part: Sequence[float]) -> Tensor:
        rows = [{**told, POSITION: place} for place in part]
        noise = stack_noise(seed, part, network.noise_shape, turn_mm=turn_mm)
        return draw_from_noise(network, noise, rows, quick=quick)

    images = _together(draw, places, lanes=lanes or lanes_for(device), progress=progress)
    if not images.isfinite().all():
        raise ModelError(
            f"model '{model.name}' drew values that are not finite: expected grey values from 0 "
            "to 1. Its weights are damaged: name another version."
        )
    step_mm = places[1] - places[0] if len(places) > 1 else geometry.spacing_mm
    content = encode_pseudo_volume(
        images[:, 0].numpy(),
        geometry.affine(model.image_size, first_mm=places[0], step_mm=step_mm),
        words=f"synthetic, no patient{', quick' * quick}: "
        f"{model.name} version {model.version}, seed {seed}",
        comment=json.dumps(
            _described(model, told)
            | {"seed": seed, "turn_mm": turn_mm, "quick": quick}
            | {"first_mm": places[0], "step_mm": step_mm, "slices": len(places)}
        ),
        packed=out.suffix.lower() == ".gz",
    )
    with atomic_file(out) as temporary:
        temporary.write_bytes(content)
    _tell(out, model, geometry, places)
    return out


def _check(out: Path, seed: int, turn_mm: float | None) -> None:
    name = out.name.lower()
    if not name.endswith(ENDINGS) or name in ENDINGS:
        raise ConfigError(f"'{out}' is no file for a volume: expected a name in .nii or .nii.gz.")
    if not 0 <= seed <= LAST_SEED:
        raise ConfigError(f"'seed' is {seed}: expected 0 or more, below 2**63.")
    if turn_mm is not None and not (math.isfinite(turn_mm) and turn_mm >= _LEAST_TURN_MM):
        raise ConfigError(
            f"the noise is to turn into another every {turn_mm:g} mm: expected at least "
            f"{_LEAST_TURN_MM:g} mm. Leave it out for one noise in all slices."
        )


def _asked_for_positions(model: ServedModel, *, quick: bool) -> Sampler:
    if not takes_positions(model.network):
        raise ModelError(
            f"model '{model.name}' cannot be asked for slices of a position: expected a generator "
            f"with '{POSITION}' among its conditions. Name another model, or draw single slices "
            "with 'mrigen sample'."
        )
    if quick and not isinstance(model.network, Quick):
        raise ModelError(
            f"model '{model.name}' has no quick mode: leave 'quick' out, or name another one."
        )
    assert isinstance(model.network, Sampler)
    return stack_sampler(model.network)


def _told(model: ServedModel, asked: Mapping[str, float | str]) -> dict[str, float]:
    if POSITION in asked:
        raise ConfigError(
            f"'{POSITION}' is {shown(asked[POSITION])}: expected none, as every slice of a stack "
            "has its own. Say where the stack begins and ends."
        )
    return condition_values(model.conditions, asked)


def _together(
    draw: Callable[[Sequence[float]], Tensor],
    places: Sequence[float],
    *,
    lanes: int,
    progress: bool,
) -> Tensor:
    """Draw the slices of all places, a chunk in each lane at a time."""
    parts = [places[start : start + CHUNK] for start in range(0, len(places), CHUNK)]

    def drawn(part: Sequence[float]) -> Tensor:
        # As the lanes of a server compute: other numbers of threads may give other last bits.
        with single_threaded():
            return draw(part)

    done: list[Tensor] = []
    with (
        reporting("slices", MofNCompleteColumn(), shown=progress) as report,
        ThreadPoolExecutor(min(lanes, len(parts))) as pool,
    ):
        for images in pool.map(drawn, parts):
            done.append(images)
            report(sum(map(len, done)), len(places))
    return torch.cat(done)


def _described(model: ServedModel, told: Mapping[str, float]) -> dict[str, object]:
    asked = {
        one.name: one.choices[int(told[one.name])] if one.choices else told[one.name]
        for one in model.conditions
        if one.name in told
    }
    names = {"model": model.name, "version": model.version, "bundle": model.digest}
    return {"synthetic": True, **names, "conditions": asked}


def _tell(out: Path, model: ServedModel, geometry: StackGeometry, places: Sequence[float]) -> None:
    _log.info(
        "%d %s slices of '%s' version %d, from %g to %g mm, are in %s.",
        *(len(places), geometry.plane, model.name, model.version, places[0], places[-1], out),
    )
    if geometry.differing:
        differing = printable("; ".join(geometry.differing))
        _log.info("The training slices differ: %s. The volume has their medians.", differing)
