"""What a flow costs: training against the number of images and of pixels, and drawing a stack.

Run `python benchmarks/flow_cost.py` for the demo's flow, with `--flow FILE.yaml` for another entry.
The same network learns made-up images of several sizes with its own optimizer and averages, told
made-up conditions; passes over n and over 2 n images, no two of them the same, take turns, and the
least of each is kept. Seconds of training are those of the processor on one thread, without the
augmentation of slices; those of drawing, where all conditions are asked for, are of the wall, on
`--threads`, with the processor's beside them. Weights are as drawn: what they are changes no time.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import torch
from flow_contenders import contenders
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from mrigen.data.loader import Batch
from mrigen.errors import MrigenError
from mrigen.model_config import ModelConfig
from mrigen.models.build import build_network, count_parameters
from mrigen.models.flow.flow import Flow
from mrigen.objectives.flow_matching import FlowMatching, FlowMatchingConfig
from mrigen.training.loop import start_state, update
from mrigen.training.memory import keep_freed_memory
from mrigen.training.runtime import Runtime, choose_runtime

CHUNK, SIZES = 16, (64, 96, 128)


def flow(config: ModelConfig, size: int) -> Flow:
    torch.manual_seed(0)
    network = build_network(config.network, size)
    assert isinstance(network, Flow)
    if network.guide_share is not None:
        network.keep_guide(network)
    return network


def told(network: Flow, count: int) -> dict[str, Tensor]:
    """Return conditions of so many images: the least of each range, the first of each choice."""
    return {each.name: torch.full((count,), float(each.minimum)) for each in network.conditions}


def training_pass(config: ModelConfig, size: int, runtime: Runtime) -> Callable[[int], float]:
    """Return a function that learns so many images once and gives the seconds it took."""
    network, training, count = flow(config, size), config.training, config.training.batch_size
    assert isinstance(config.objective, FlowMatchingConfig)
    state = start_state(FlowMatching(network, config.objective), training, runtime)
    untouched, rows = torch.zeros(count, 1, size, size, dtype=torch.bool), torch.arange(count)

    def learn(images: Tensor) -> None:
        batch = Batch(images, images, untouched, rows, conditions=told(network, count))
        update(state, batch, training, total=2**31, runtime=runtime)
        state.step += 1

    def run(images: int) -> float:
        parts = torch.rand(images // count, count, 1, size, size)
        start = time.process_time()
        for part in parts:
            learn(part)
        return time.process_time() - start

    run(count)
    return run


def print_training(config: ModelConfig, runtime: Runtime, *, count: int, repeats: int) -> None:
    runs = {size: training_pass(config, size, runtime) for size in SIZES}
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


def print_drawing(config: ModelConfig, *, count: int, size: int) -> None:
    network = flow(config, size).eval()
    sampling, asked = network.config.sampling, told(network, CHUNK)
    print(f"\n| Mode | Steps | Seconds for {count} slices of {size} pixels | of the processor |")
    print("|---|---|---|---|")
    modes = (
        ("quick", sampling.quick_steps, network.sample_quickly),
        ("full", sampling.steps, network.sample),
    )
    with torch.inference_mode():
        network.sample_quickly(torch.randn(CHUNK, *network.noise_shape), asked)
        for mode, steps, draw in modes:
            start, used = time.perf_counter(), time.process_time()
            for _ in range(count // CHUNK):
                draw(torch.randn(CHUNK, *network.noise_shape), asked)
            wall, spent = time.perf_counter() - start, time.process_time() - used
            print(f"| {mode} | {steps} | {wall:.1f} | {spent:.1f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flow", type=Path, metavar="FILE.yaml", help="default: the demo's")
    parser.add_argument("--images", type=int, default=64, help="the smaller number, n")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--slices", type=int, default=64, help="drawn at 128 pixels")
    parser.add_argument("--threads", type=int, default=2, help="of drawing")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32", help="of training")
    options = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    try:
        config = contenders("made-up", flow=options.flow, seed=0)["flow"]
    except MrigenError as error:
        raise SystemExit(str(error)) from None
    runtime = choose_runtime(device="cpu", precision=options.precision)
    print(f"{count_parameters(flow(config, SIZES[0]).unet)[0]:,} parameters\n")
    print_training(config, runtime, count=options.images, repeats=options.repeats)
    torch.set_num_threads(options.threads)
    print_drawing(config, count=options.slices, size=SIZES[-1])


if __name__ == "__main__":
    main()
