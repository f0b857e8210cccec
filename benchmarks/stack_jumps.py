"""Whether slices of a pseudo-volume change evenly from one to the next, or stand still and jump.

Run `python benchmarks/stack_jumps.py PROJECT BUNDLE`: PROJECT has the slices that the bundle was
trained on (`mrigen slices`). A mean over a stack says nothing of a jump, since it may stand for
many slices that hardly differ; the largest difference over the median one tells it apart.

Each `--shared` is a row: the share of the noise's variance that all slices of a stack have in
common, while the rest turns into another noise within `--turn-mm`. 1 is what `mrigen stack` draws.
"""

import argparse
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mrigen.bundle import load_bundle
from mrigen.data.covariates import read_covariates
from mrigen.data.loader import TEST
from mrigen.data.store.slice_store import SliceStore
from mrigen.errors import MrigenError
from mrigen.evaluation.stacks.drawing import (
    POSITION,
    imitated_stacks,
    stack_sampler,
    takes_positions,
)
from mrigen.evaluation.stacks.stored import StoredStack, stored_stacks
from mrigen.images import from_integers, to_uint8
from mrigen.metrics.roughness import HEAD, roughness
from mrigen.models.interfaces import Conditional, Sampler
from mrigen.models.sampling import CHUNK, draw_from_noise
from mrigen.models.stack_noise import stack_noise
from mrigen.project import load_project
from mrigen.seeds import torch_seed

_SHARED = (1.0, 0.8, 0.5)
_COLUMNS = ("stacks of", "jump", "largest difference", "median difference", "roughness over real")


class Evenness(NamedTuple):
    """How evenly neighbours of a stack differ, as mean absolute differences inside the head.

    Attributes
    ----------
    jump
        The largest difference between neighbours over the median one; 1 if all are equal.
    largest, median
        Both of them, of grey values from 0 to 1.
    roughness
        Mean second difference, as an evaluation takes it.
    """

    jump: float
    largest: float
    median: float
    roughness: float


def evenness(stack: Tensor) -> Evenness:
    """Measure a stack, (N, 1, H, W) float32 in [0, 1], that shows a head."""
    below, above = stack[:-1], stack[1:]
    inside = (below + above) / 2 >= HEAD
    steps = [
        float(difference[head].mean())
        for difference, head in zip((above - below).abs(), inside, strict=True)
        if head.any()
    ]
    largest, median = max(steps), float(np.median(steps))
    jump = largest / median if median else math.inf
    return Evenness(jump, largest, median, roughness(stack).second_difference)


def mixed_noise(
    seed: int, positions_mm: list[float], shape: tuple[int, ...], *, shared: float, turn_mm: float
) -> Tensor:
    """Return the noise of each slice, standard normal: a share of one noise, the rest turning."""
    common = stack_noise(seed, positions_mm, shape)
    turning = stack_noise(torch_seed(seed, "turning"), positions_mm, shape, turn_mm=turn_mm)
    return shared**0.5 * common + (1 - shared) ** 0.5 * turning


class Drawer:
    """Draws pseudo-volumes as `mrigen stack` does, from noise of another kind."""

    def __init__(self, network: Sampler, store: SliceStore) -> None:
        assert isinstance(network, Conditional)
        self.network = stack_sampler(network)
        self.positions = store.manifest[POSITION].to_numpy(np.float64)
        self.known = read_covariates(store.manifest, network.conditions)

    def drawn(
        self, stacks: Sequence[StoredStack], *, shared: float, turn_mm: float
    ) -> Iterator[Tensor]:
        """Draw one for each stack, of such a person and at its positions."""
        shape = self.network.noise_shape
        for seed, stack in enumerate(stacks):
            places = self.positions[stack.rows].tolist()
            noise = mixed_noise(seed, places, shape, shared=shared, turn_mm=turn_mm)
            told = [self._told(row) for row in stack.rows]
            parts = [
                draw_from_noise(self.network, noise[first : first + CHUNK], told[first:][:CHUNK])
                for first in range(0, len(told), CHUNK)
            ]
            yield from_integers(to_uint8(torch.cat(parts)))

    def _told(self, row: int) -> dict[str, float]:
        values = {name: float(each[row]) for name, each in self.known.items()}
        return {name: value for name, value in values.items() if not np.isnan(value)}


def row_of(name: str, stacks: Iterable[Tensor], real: float | None) -> tuple[str, float]:
    """Return a line of the table, and the roughness to which the next ones are compared."""
    found = np.array([evenness(stack) for stack in stacks])
    jump, largest, median, rough = found.mean(0)
    words = f"{jump:.2f} ({found[:, 0].min():.2f} to {found[:, 0].max():.2f})"
    cells = [name, words, f"{largest:.3f}", f"{median:.3f}", f"{rough / (real or rough):.2f}"]
    return f"| {' | '.join(cells)} |", rough


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("project", type=Path)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--shared", type=float, action="append", metavar="SHARE")
    parser.add_argument("--turn-mm", type=float, default=20.0)
    parser.add_argument("--dataset", default="heads")
    parser.add_argument("--stacks", type=int, default=8)
    parser.add_argument("--slices", type=int, default=24)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def main() -> None:
    options = parse_arguments()
    for shared in options.shared or ():
        if not 0 <= shared <= 1:
            raise SystemExit(f"--shared is {shared:g}: expected a share from 0 to 1.")
    torch.set_num_threads(options.threads)
    try:
        store = SliceStore(load_project(options.project).processed(options.dataset))
        network = load_bundle(options.bundle).model
        if not takes_positions(network):
            raise SystemExit(f"'{options.bundle}' cannot be told positions: expected one that can.")
        made = imitated_stacks(store, options.stacks, seed=0, most_slices=options.slices)
        real = stored_stacks(store, TEST, most_slices=options.slices)
        if not made or not real:
            raise SystemExit(f"'{options.dataset}' has no neighbouring slices to compare with.")
        print(f"| {' | '.join(_COLUMNS)} |\n|{'---|' * len(_COLUMNS)}")
        images = (from_integers(store.read(stack.rows))[:, None] for stack in real)
        line, rough = row_of(f"{len(real)} real heads", images, None)
        print(line, flush=True)
        drawer = Drawer(network, store)
        for shared in options.shared or _SHARED:
            drawn = drawer.drawn(made, shared=shared, turn_mm=options.turn_mm)
            print(row_of(f"{shared:.0%} of the noise shared", drawn, rough)[0], flush=True)
    except MrigenError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
