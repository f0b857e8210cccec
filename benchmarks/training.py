"""How much the training loop costs beside an update written out by hand, for every network.

Run `python benchmarks/training.py`. Both sides train the same network with the same precision,
order of memory and optimiser on a constant batch, without an average of the weights. They take
turns in one process, and a ratio is the median over the turns: machines are noisy, ratios less so.
"""

import argparse
import statistics
import time
from itertools import cycle

import torch
from bare_steps import make_step
from studied import STUDIES, make_batch, make_config, make_objective

from mrigen.training.loop import fit, start_state
from mrigen.training.runtime import choose_runtime

# A smaller batch than the studies': what the loop costs is the same for any batch, and shows most.
BATCH = 8


def make_runs(name: str, precision: str) -> list:
    """Return two functions that make one update each: by hand and by mrigen."""
    study = STUDIES[name]._replace(batch=BATCH)
    runtime = choose_runtime(device="cpu", precision=precision)
    config = make_config(study)
    batch = make_batch(study)
    state = start_state(make_objective(study), config, runtime)
    loop = fit(state, cycle([batch]), config, steps_per_epoch=100, runtime=runtime)
    network = make_objective(study).network.to(memory_format=torch.channels_last)
    bare = make_step(study, network, batch.input, runtime.autocast)
    return [bare, lambda: next(loop)]


def compare(runs: list, arguments: argparse.Namespace) -> tuple[float, float, float]:
    """Return the milliseconds of an update by hand and by mrigen, and their ratio."""
    clock = getattr(time, arguments.clock)
    for run in runs:
        run()
    start = clock()
    runs[0]()
    steps = max(1, round(arguments.seconds / (clock() - start)))
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(arguments.turns):
        order = (0, 1) if turn % 2 else (1, 0)  # whoever comes second finds other caches
        for side in order:
            start = clock()
            for _ in range(steps):
                runs[side]()
            times[side].append((clock() - start) / steps * 1e3)
    ratio = statistics.median(ours / bare for bare, ours in zip(*times, strict=True))
    return statistics.median(times[0]), statistics.median(times[1]), ratio


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=STUDIES, default=list(STUDIES))
    parser.add_argument("--precisions", nargs="+", default=["fp32", "bf16"])
    parser.add_argument("--turns", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=0.3, help="of one turn")
    parser.add_argument(
        "--clock",
        choices=["perf_counter", "process_time"],
        default="perf_counter",
        help="process_time where others use the machine too, with OMP_NUM_THREADS=1",
    )
    arguments = parser.parse_args()
    print(f"milliseconds per update of {BATCH} images, {torch.get_num_threads()} threads\n")
    print("| network | precision | by hand | mrigen | mrigen / by hand |\n|---|---|---|---|---|")
    for name in arguments.only:
        for precision in arguments.precisions:
            runs = make_runs(name, precision)
            bare, ours, ratio = compare(runs, arguments)
            print(f"| {name} | {precision} | {bare:.1f} | {ours:.1f} | {ratio:.3f} |", flush=True)


if __name__ == "__main__":
    main()
