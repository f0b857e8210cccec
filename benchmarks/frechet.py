"""How fast the Fréchet distance is: with scipy's root of a matrix, and as mrigen computes it.

Run `python benchmarks/frechet.py [SAMPLESxFEATURES ...]`. Every case is measured side by side in
one process, turn by turn; shown are medians over the turns, for times and for ratios. "Statistics"
are mean and covariance of both sides from their features, "distance" is what is made of them: for
the root, `scipy.linalg.sqrtm` of the product of the covariances, as in the reference
implementations. Features are random: "flat" ones vary alike in all directions, "steep" ones fall
off to a thousandth, like those of slices. The root alone against both of mrigen's is the bar.
"""

import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
import scipy
import torch
from scipy.linalg import sqrtm

from mrigen.metrics.distribution import FeatureStatistics, frechet_distance

TURNS = 3
#: Samples on either side, features, how their scales fall off in powers of ten.
CASES = (
    (256, 1280, 0),
    (500, 2048, 0),
    (1000, 1280, 0),
    (1000, 1280, 3),
    (5000, 1280, 0),
)


def seconds(work: Callable[[], object]) -> tuple[float, object]:
    start = time.perf_counter()
    answer = work()
    return time.perf_counter() - start, answer


def draw(count: int, features: int, decades: int, seed: int) -> torch.Tensor:
    """Return (count, features) float32 features: the same correlations for every seed."""
    generator = torch.Generator().manual_seed(0)
    mixing = torch.linalg.qr(torch.randn(features, features, generator=generator)).Q
    scales = torch.logspace(0, -decades, features)
    samples = torch.randn(count, features, generator=torch.Generator().manual_seed(seed))
    return (samples * scales) @ mixing + 0.1 * (seed % 2)


def summarised(features: torch.Tensor) -> FeatureStatistics:
    summary = FeatureStatistics(features.shape[1])
    summary.update(features)
    return summary


def moments(features: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    values = features.double().numpy()
    return values.mean(0), np.cov(values, rowvar=False)


def by_root(first: tuple[np.ndarray, np.ndarray], second: tuple[np.ndarray, np.ndarray]) -> float:
    """Return the distance as the reference implementations do."""
    root = sqrtm(first[1] @ second[1])
    shift = np.square(first[0] - second[0]).sum()
    return float(shift + np.trace(first[1]) + np.trace(second[1]) - 2 * np.trace(root.real))


def measure(count: int, features: int, decades: int) -> str:
    """Return a row of the table."""
    sets = [draw(count, features, decades, seed) for seed in (1, 2)]
    taken: dict[str, list[float]] = {name: [] for name in ("cov", "root", "own", "distance")}
    for _ in range(TURNS):
        for name, summary, compare in (
            ("cov root", moments, by_root),
            ("own distance", summarised, frechet_distance),
        ):
            first, second = name.split()
            duration, made = seconds(lambda make=summary: [make(each) for each in sets])
            taken[first].append(duration)
            duration, answer = seconds(lambda compare=compare, made=made: compare(*made))
            taken[second].append(duration)
            if name == "cov root":
                expected = answer
    median = {name: statistics.median(values) for name, values in taken.items()}
    error = abs(answer - expected) / abs(expected)
    times = " | ".join(f"{1e3 * median[name]:,.0f}" for name in ("cov", "root", "own", "distance"))
    turns = list(zip(*taken.values(), strict=True))
    alone = statistics.median(root / distance for _, root, _, distance in turns)
    both = statistics.median((cov + root) / (own + distance) for cov, root, own, distance in turns)
    bar = statistics.median(root / (own + distance) for _, root, own, distance in turns)
    kind = "steep" if decades else "flat"
    return (
        f"| {count:,} x {features:,} {kind} | {times} | {alone:.0f} | {both:.0f} | {bar:.0f} | "
        f"{error:.0e} |"
    )


def main() -> None:
    wanted = sys.argv[1:]
    threads = torch.get_num_threads()
    print(
        f"milliseconds, scipy {scipy.__version__}, torch {torch.__version__}, {threads} threads\n"
    )
    print("| samples x features | statistics | sqrtm | own statistics | own distance |", end="")
    print(" faster: distance | both | both against sqrtm alone | relative difference |")
    print("|---|---|---|---|---|---|---|---|---|")
    for case in CASES:
        name = f"{case[0]}x{case[1]}"
        if not wanted or name in wanted:
            print(measure(*case), flush=True)


if __name__ == "__main__":
    main()
