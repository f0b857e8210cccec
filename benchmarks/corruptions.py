"""How fast slices are damaged: step by step, a batch at once against one image after the other.

Run `python benchmarks/corruptions.py [cpu|cuda]`. Every ratio is measured side by side in one
process, turn by turn, and is the median over the turns: machines are noisy, ratios less so.
"""

import statistics
import sys
import time
from collections.abc import Callable
from typing import get_args

import torch
from pydantic import TypeAdapter

from mrigen.data.corruptions.batches import Item, corrupt, draw
from mrigen.data.corruptions.recipe import STEPS, Recipe

BATCH, TURNS = 32, 9
UNET = [{"name": "line_patch"}, {"name": "lower_resolution", "factor": 2}]
NAMES = [get_args(step.model_fields["name"].annotation)[0] for step in STEPS]
RECIPES = {name: [{"name": name}] for name in NAMES} | {"the demo's unet": UNET}


def seconds(work: Callable[[], object], device: torch.device) -> float:
    start = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start


def measure(steps: object, size: int, device: torch.device) -> dict[str, float]:
    """Return images per second of drawing, of a whole batch and of single images."""
    recipe = TypeAdapter(Recipe).validate_python(steps)
    images = torch.rand(BATCH, 1, size, size, device=device)
    items = [Item(0, "train", 0, row) for row in range(BATCH)]
    together = draw(recipe, items, (size, size))
    alone = [draw(recipe, [item], (size, size)) for item in items]

    def one_by_one() -> None:
        for image, drawn in zip(images.split(1), alone, strict=True):
            corrupt(image, drawn)

    works: dict[str, Callable[[], object]] = {
        "draw": lambda: draw(recipe, items, (size, size)),
        "batch": lambda: corrupt(images, together),
        "single": one_by_one,
    }
    taken: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(TURNS + 1):
        for name, work in works.items():
            duration = seconds(work, device)
            if turn:  # the first warms up
                taken[name].append(duration)
    return {name: BATCH / statistics.median(values) for name, values in taken.items()}


def main() -> None:
    device = torch.device(sys.argv[1] if len(sys.argv) > 1 else "cpu")
    print(f"images/s on {device}, batches of {BATCH}, {torch.get_num_threads()} threads\n")
    print("| step | px | drawn | done in a batch | one by one | batch against one |")
    print("|---|---|---|---|---|---|")
    for name, steps in RECIPES.items():
        for size in (64, 128):
            speed = measure(steps, size, device)
            ratio = speed["batch"] / speed["single"]
            cells = " | ".join(f"{speed[kind]:,.0f}" for kind in ("draw", "batch", "single"))
            print(f"| {name.replace('_', ' ')} | {size} | {cells} | {ratio:.1f} |", flush=True)


if __name__ == "__main__":
    main()
