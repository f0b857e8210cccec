"""What a flow costs: training against the number of images and of pixels, and drawing a stack.

Run `python benchmarks/flow_cost.py`, with `--flow FILE.yaml` for another network than that of the
defaults (`network` in the file, as in `params.yaml`). The same network learns made-up images of
several sizes; passes over n and over 2 n of them take turns, and the least of each is kept. Seconds
of training are those of the processor on one thread; those of drawing are of the wall, on
`--threads`, with the processor's beside them. Weights are as drawn: what they are changes no time.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from mrigen.config import parse_config, read_yaml
from mrigen.data.loader import Batch
from mrigen.models.build import build_network, count_parameters
from mrigen.models.flow.config import FlowConfig
from mrigen.models.flow.flow import Flow
from mrigen.objectives.flow_matching import FlowMatching, FlowMatchingConfig
from mrigen.training.config import TrainingConfig
from mrigen.training.loop import start_state, update
from mrigen.training.runtime import choose_runtime

BATCH, CHUNK, SIZES = 16, 16, (64, 96, 128)
SETTINGS = TrainingConfig(batch_size=BATCH, optimizer="adamw")


def flow(config: FlowConfig, size: int) -> Flow:
    torch.manual_seed(0)
    network = build_network(config, size)
    assert isinstance(network, Flow)
    if network.guide_share is not None:
        network.keep_guide(network)
    return network


def training_pass(config: FlowConfig, size: int) -> Callable[[int], float]:
    """Return a function that learns so many images once and gives the seconds it took."""
    runtime = choose_runtime(device="cpu")
    objective = FlowMatching(flow(config, size), FlowMatchingConfig(name="flow_matching"))
    state = start_state(objective, SETTINGS, runtime)
    images = torch.rand(BATCH, 1, size, size)
    batch = Batch(images, images, torch.zeros_like(images, dtype=torch.bool), torch.arange(BATCH))
    update(state, batch, SETTINGS, total=1000, runtime=runtime)

    def run(count: int) -> float:
        start = time.process_time()
        for _ in range(count // BATCH):
            update(state, batch, SETTINGS, total=1000, runtime=runtime)
        return time.process_time() - start

    return run


def print_training(config: FlowConfig, count: int, repeats: int) -> None:
    runs = {size: training_pass(config, size) for size in SIZES}
    least: dict[tuple[int, int], float] = {}
    for _ in range(repeats):
        for size, run in runs.items():
            for images in (count, 2 * count):
                least[size, images] = min(run(images), least.get((size, images), torch.inf))
    print(
        "| Pixels | Million multiply-adds | ms an image | of 64 pixels' | pixels, of 64's | "
        f"{2 * count} images against {count} |"
    )
    print("|---|---|---|---|---|---|")
    first = least[SIZES[0], 2 * count]
    for size in SIZES:
        seconds = least[size, 2 * count]
        print(
            f"| {size} x {size} | {multiply_adds(flow(config, size)):.0f} | "
            f"{1000 * seconds / (2 * count):.1f} | {seconds / first:.2f} | "
            f"{(size / SIZES[0]) ** 2:.2f} | {seconds / least[size, count]:.2f} |"
        )


def multiply_adds(network: Flow) -> float:
    """Return millions of them for one answer to one image."""
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network.velocity(network.to_data(torch.zeros(1, *network.noise_shape)), torch.zeros(1))
    return counter.get_total_flops() / 2e6


def print_drawing(config: FlowConfig, count: int, size: int, threads: int) -> None:
    torch.set_num_threads(threads)
    network = flow(config, size).eval()
    sampling = config.sampling
    print(f"\n| Mode | Steps | Seconds for {count} slices of {size} pixels | of the processor |")
    print("|---|---|---|---|")
    modes = (
        ("quick", sampling.quick_steps, network.sample_quickly),
        ("full", sampling.steps, network.sample),
    )
    with torch.inference_mode():
        network.sample_quickly(torch.randn(CHUNK, *network.noise_shape))
        for mode, steps, draw in modes:
            start, used = time.perf_counter(), time.process_time()
            for _ in range(count // CHUNK):
                draw(torch.randn(CHUNK, *network.noise_shape))
            wall, spent = time.perf_counter() - start, time.process_time() - used
            print(f"| {mode} | {steps} | {wall:.1f} | {spent:.1f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flow", type=Path, metavar="FILE.yaml", help="default: the defaults")
    parser.add_argument("--images", type=int, default=64, help="the smaller number, n")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--slices", type=int, default=64, help="drawn at 128 pixels")
    parser.add_argument("--threads", type=int, default=2, help="of drawing")
    options = parser.parse_args()
    torch.set_num_threads(1)
    entry: dict[str, Any] = {"network": {"name": "flow"}}
    entry |= read_yaml(options.flow) if options.flow else {}
    config = parse_config(FlowConfig, entry["network"], source=str(options.flow))
    print(f"{count_parameters(flow(config, SIZES[0]))[0]:,} parameters\n")
    print_training(config, options.images, options.repeats)
    print_drawing(config, options.slices, SIZES[-1], options.threads)


if __name__ == "__main__":
    main()
