"""Whether slices of a pseudo-volume change evenly from one to the next, or stand still and jump.

Run `python benchmarks/stack_jumps.py PROJECT BUNDLE`: PROJECT has the slices that the bundle was
trained on (`mrigen slices`). A mean over a stack says nothing of a jump, since it may stand for
many slices that hardly differ; the largest difference over the median one tells it apart. Real
stacks of test subjects are a row, those of one noise another, and those of a noise that turns
within each `--turn-mm` one more.
"""

import argparse
import math
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mrigen.bundle import load_bundle
from mrigen.data.loader import TEST
from mrigen.data.store.slice_store import SliceStore
from mrigen.errors import MrigenError
from mrigen.evaluation.stacks.drawing import Noise, draw_stacks, imitated_stacks, takes_positions
from mrigen.evaluation.stacks.stored import stored_stacks
from mrigen.images import from_integers
from mrigen.metrics.roughness import HEAD, roughness
from mrigen.project import load_project

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
    parser.add_argument("--turn-mm", type=float, action="append", default=[])
    parser.add_argument("--dataset", default="heads")
    parser.add_argument("--stacks", type=int, default=8)
    parser.add_argument("--slices", type=int, default=24)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def main() -> None:
    options = parse_arguments()
    for turn_mm in options.turn_mm:
        if not 0 < turn_mm < math.inf:
            raise SystemExit(f"--turn-mm is {turn_mm:g}: expected millimetres above 0.")
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
        noises: dict[str, Noise] = {"one noise": "shared"}
        noises |= {f"a noise that turns within {way:g} mm": way for way in options.turn_mm}
        for name, noise in noises.items():
            drawn = draw_stacks(network, store, made, seed=0, noise=noise)
            print(row_of(name, drawn, rough)[0], flush=True)
    except MrigenError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
