"""Drawing pseudo-volumes: slices of one head, each told its own position."""

from collections.abc import Mapping, Sequence
from typing import Literal, TypeGuard

import numpy as np
import torch
from torch import Tensor

from mrigen.data.covariates import read_covariates
from mrigen.data.loader import TRAIN
from mrigen.data.store.slice_store import SliceStore
from mrigen.evaluation.drawing import drawn_rows
from mrigen.evaluation.stacks.stored import StoredStack, stored_stacks
from mrigen.images import from_integers, to_uint8
from mrigen.models.interfaces import Conditional, Sampler, Stacking
from mrigen.models.sampling import CHUNK, draw_from_noise
from mrigen.models.stack_noise import stack_noise
from mrigen.seeds import seeded_noise, torch_seed

#: The condition that says where a slice lies.
POSITION = "position_mm"

#: Shared by all slices of a stack, independent for each, or millimetres along which it turns.
Noise = Literal["shared", "independent"] | float


def takes_positions(network: object) -> TypeGuard[Sampler]:
    """Tell whether a network makes images and can be asked for those of a position."""
    return (
        isinstance(network, Sampler)
        and isinstance(network, Conditional)
        and any(one.name == POSITION and not one.choices for one in network.conditions)
    )


def stack_sampler(network: Sampler) -> Sampler:
    """Return a network as it draws slices of one head, if that is another way than for others."""
    return network.for_stacks() if isinstance(network, Stacking) else network


def imitated_stacks(
    store: SliceStore, count: int, *, seed: int, most_slices: int
) -> list[StoredStack]:
    """Return training stacks whose people and positions pseudo-volumes are drawn for.

    Parameters
    ----------
    store
        The slices that the network learned from.
    count
        Of stacks; `i` is one that `seed + i` picks.
    seed
        Of the first.
    most_slices
        Of a stack.

    Returns
    -------
    list
        `count` of them, some perhaps twice; none if no training scan has neighbouring slices.
    """
    by_row = {
        row: stack
        for stack in stored_stacks(store, TRAIN, most_slices=most_slices)
        for row in stack.rows.tolist()
    }
    if not by_row:
        return []
    rows = np.array(sorted(by_row))
    picked = drawn_rows(store, range(seed, seed + count))
    # A slice that lies in no stack stands for the next one that does.
    places = np.searchsorted(rows, picked) % len(rows)
    return [by_row[row] for row in rows[places].tolist()]


def draw_stacks(
    network: Sampler,
    store: SliceStore,
    stacks: Sequence[StoredStack],
    *,
    seed: int,
    noise: Noise,
) -> list[Tensor]:
    """Draw a pseudo-volume for each stack, of such a person and at its positions.

    Parameters
    ----------
    network
        One that takes positions, in evaluation mode.
    store
        Of the stacks.
    stacks
        What to imitate.
    seed
        Of the noise of the first; stack `i` has that of `seed + i`.
    noise
        Its kind.

    Returns
    -------
    list of (N, 1, H, W) float32 in [0, 1]
        Rounded to 8 bits, in which images are handed out.
    """
    assert isinstance(network, Conditional)
    known = read_covariates(store.manifest, network.conditions)
    noises, told = [], []
    for number, stack in enumerate(stacks):
        noises.append(_noise(network, store, stack, seed + number, noise))
        for row in stack.rows:
            values = {name: float(each[row]) for name, each in known.items()}
            told.append({name: value for name, value in values.items() if not np.isnan(value)})
    images = _drawn(stack_sampler(network), torch.cat(noises), told)
    return list(torch.split(images, [len(stack.rows) for stack in stacks]))


def _noise(
    network: Sampler,
    store: SliceStore,
    stack: StoredStack,
    seed: int,
    kind: Noise,
) -> Tensor:
    if kind == "independent":
        seeds = [torch_seed(seed, "slice", place) for place in range(len(stack.rows))]
        return seeded_noise(seeds, network.noise_shape)
    positions = store.manifest[POSITION].to_numpy(np.float64)[stack.rows]
    turn_mm = None if kind == "shared" else kind
    return stack_noise(seed, positions.tolist(), network.noise_shape, turn_mm=turn_mm)


def _drawn(network: Sampler, noise: Tensor, told: Sequence[Mapping[str, float]]) -> Tensor:
    parts = [
        draw_from_noise(network, noise[start : start + CHUNK], told[start : start + CHUNK])
        for start in range(0, len(told), CHUNK)
    ]
    return from_integers(to_uint8(torch.cat(parts)))
