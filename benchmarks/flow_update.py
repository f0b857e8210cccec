"""What two parts of a flow's update cost, and what they would cost written in the usual way.

Run `python benchmarks/flow_update.py`: attention with its gradient beside PyTorch's fused one, and
the orthogonal steps of Muon beside Jordan's iteration over whole rows. Both ways take turns on the
same numbers; milliseconds are the least of all turns, of the processor, on `--threads`.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from mrigen.models.flow.blocks import attend
from mrigen.training.memory import keep_freed_memory
from mrigen.training.muon import CUBIC, LINEAR, QUINTIC, ROUNDS, orthogonalised

Attention = Callable[[Tensor, Tensor, Tensor], Tensor]

BATCH, CHANNELS = 16, 144
#: Coarsest levels of images of 32, 64, 112, 128 and 160 pixels in blocks of 4, halved once.
PLACES = (16, 64, 196, 256, 400)
#: Kernels as matrices: those of a flow of 96 and 144 channels.
KERNELS = ((96, 864), (96, 1728), (144, 1296), (144, 2592), (432, 144))


def by_rows(matrix: Tensor) -> Tensor:
    """Return what `orthogonalised` does, every round over whole rows, in bfloat16."""
    tall = matrix.shape[0] > matrix.shape[1]
    x = (matrix.T if tall else matrix).bfloat16()
    x = x / x.norm().clamp(min=1e-7)
    for _ in range(ROUNDS):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=CUBIC, alpha=QUINTIC), x, beta=LINEAR)
    return x.T if tall else x


def exact(matrix: Tensor) -> Tensor:
    """Return what both come near to, in float64."""
    left, values, right = torch.linalg.svd(matrix.double(), full_matrices=False)
    values = values / values.norm()
    for _ in range(ROUNDS):
        values = LINEAR * values + CUBIC * values**3 + QUINTIC * values**5
    return left * values @ right


def in_turns(ways: list[Callable[[], object]], repeats: int) -> list[float]:
    """Return the least milliseconds of the processor that each way takes."""
    least = [float("inf")] * len(ways)
    for _ in range(repeats):
        for place, way in enumerate(ways):
            start = time.process_time()
            way()
            least[place] = min(least[place], 1000 * (time.process_time() - start))
    return least


def learn(attention: Attention, parts: Tensor) -> None:
    query, key, value = (part.clone().requires_grad_() for part in parts)
    attention(query, key, value).sum().backward()


def attention_rows(repeats: int) -> list[str]:
    heads = CHANNELS // 36
    rows = []
    for dtype in (torch.bfloat16, torch.float32):
        for places in PLACES:
            parts = torch.randn(3, BATCH, heads, places, CHANNELS // heads, dtype=dtype)
            ways: list[Attention] = [attend, functional.scaled_dot_product_attention]
            own, fused = in_turns([partial(learn, way, parts) for way in ways], repeats)
            name = str(dtype).removeprefix("torch.")
            rows.append(f"| {name} | {places} | {own:.2f} | {fused:.2f} | {fused / own:.2f} |")
    return rows


def muon_rows(repeats: int) -> list[str]:
    rows = []
    for kernel in KERNELS:
        matrix = torch.randn(kernel)
        ways = (orthogonalised, by_rows)
        own, usual = in_turns([partial(way, matrix) for way in ways], repeats)
        truth = exact(matrix)
        off = [float((way(matrix) - truth).norm() / truth.norm()) for way in ways]
        rows.append(
            f"| {kernel[0]} x {kernel[1]} | {own:.2f} | {usual:.2f} | {usual / own:.2f} | "
            f"{off[0]:.4f} | {off[1]:.4f} |"
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    keep_freed_memory()
    print(
        "| Numbers | Places | attend, ms | fused, ms | fused over attend |\n|---|---|---|---|---|"
    )
    print("\n".join(attention_rows(options.repeats)))
    print("\n| Kernel | orthogonalised, ms | over whole rows, ms | ratio | error | its error |")
    print("|---|---|---|---|---|---|")
    print("\n".join(muon_rows(options.repeats)))


if __name__ == "__main__":
    main()
