"""What two parts of a flow's update cost, and what they would cost written in the usual way.

Run `python benchmarks/flow_update.py`: a layer of attention with its gradient, as it is and with
PyTorch's fused attention, and the orthogonal steps of Muon beside Jordan's iteration over whole
rows. Both ways take turns on the same numbers; milliseconds are the least of all turns, of the
processor, on `--threads`.
"""

import argparse
import math
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from unittest.mock import patch

import torch
from torch import Tensor
from torch.nn import functional

from mrigen.models.flow import blocks
from mrigen.models.flow.blocks import SelfAttention, attend
from mrigen.models.flow.config import FlowConfig
from mrigen.models.flow.velocity_unet import VelocityUNet
from mrigen.training.memory import keep_freed_memory
from mrigen.training.muon import CUBIC, LINEAR, QUINTIC, ROUNDS, is_matrix, orthogonalised
from mrigen.training.runtime import Precision, Runtime, choose_runtime

Attention = Callable[[Tensor, Tensor, Tensor], Tensor]

BATCH, BASE_CHANNELS = 16, 96
PRECISIONS: tuple[Precision, ...] = ("bf16", "fp32")
#: Of the coarser level of images of 32, 64, 112, 128 and 160 pixels in blocks of 4.
PLACES = (16, 64, 196, 256, 400)
#: How fast singular values fall, as the last over the first.
FALLS = (1.0, 1e-2, 1e-4)


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


def attention_rows(repeats: int) -> list[str]:
    """Time the layer as it stands and with PyTorch's attention in its place."""
    rows = []
    for precision in PRECISIONS:
        for places in PLACES:
            layer = SelfAttention(BASE_CHANNELS * 3 // 2).to(memory_format=torch.channels_last)
            runtime = choose_runtime(device="cpu", precision=precision)
            side = math.isqrt(places)
            x = torch.randn(BATCH, BASE_CHANNELS * 3 // 2, side, side)
            x = x.contiguous(memory_format=torch.channels_last).requires_grad_()
            ways: list[Attention] = [attend, functional.scaled_dot_product_attention]
            own, fused = in_turns([partial(learn, layer, x, runtime, way) for way in ways], repeats)
            rows.append(f"| {precision} | {places} | {own:.2f} | {fused:.2f} | {fused / own:.2f} |")
    return rows


def learn(layer: SelfAttention, x: Tensor, runtime: Runtime, attention: Attention) -> None:
    with patch.object(blocks, "attend", attention):
        with runtime.autocast():
            answer = layer(x)
        answer.backward(torch.randn_like(answer))


def kernels() -> dict[tuple[int, int], int]:
    """Return shapes of the matrices that Muon moves in a flow, and how many there are of each."""
    config = FlowConfig(name="flow", base_channels=BASE_CHANNELS, depth=1)
    weights = filter(is_matrix, VelocityUNet(config.block**2, config).parameters())
    return Counter((len(each), each[0].numel()) for each in weights)


def muon_rows(repeats: int) -> list[str]:
    rows = []
    for (height, width), count in kernels().items():
        ways = (orthogonalised, by_rows)
        matrix = torch.randn(height, width)
        own, usual = in_turns([partial(way, matrix) for way in ways], repeats)
        times = f"{own:.2f} | {usual:.2f} | {usual / own:.2f}"
        errors = " | ".join(_errors(height, width, fall) for fall in FALLS)
        rows.append(f"| {height} x {width} | {count} | {times} | {errors} |")
    return rows


def _errors(height: int, width: int, fall: float) -> str:
    """Return how far both ways are from the exact answer, relative to its size."""
    left, values, right = torch.linalg.svd(torch.randn(height, width), full_matrices=False)
    matrix = left * torch.logspace(0, math.log10(fall), len(values)) @ right
    truth = exact(matrix)
    errors = [
        float((way(matrix) - truth).norm() / truth.norm()) for way in (orthogonalised, by_rows)
    ]
    return f"{errors[0]:.4f}, {errors[1]:.4f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    keep_freed_memory()
    print(
        "| Precision | Places | Layer, ms | with fused attention | ratio |\n|---|---|---|---|---|"
    )
    print("\n".join(attention_rows(options.repeats)))
    falls = " | ".join(f"errors, values fall to {fall:g}" for fall in FALLS)
    print(f"\n| Kernel | Count | orthogonalised, ms | over whole rows, ms | ratio | {falls} |")
    print("|---|---|---|---|---|---|---|---|")
    print("\n".join(muon_rows(options.repeats)))


if __name__ == "__main__":
    main()
