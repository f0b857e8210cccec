"""Two networks for the same flow: our U-Net on blocks, and MONAI's `DiffusionModelUNet`.

Run `python benchmarks/flow_network.py PROJECT`: a project whose slices are cut
(`processed/heads`). Both networks have the same levels, widths, blocks of pixels, attention on
the levels, path, loss, optimiser, images and noise; MONAI's always has one more residual block and
one more attention between way down and way up. They learn in turns of a few seconds, so that
whatever else the machine does meets both. Seconds are those of the processor, on one thread. Needs
MONAI: `pip install monai einops`.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from mrigen.data.loader import Batch, SliceDataset, ordered_batches, training_batches
from mrigen.data.store.slice_store import SliceStore
from mrigen.models.build import build_network, count_parameters
from mrigen.models.flow.config import FlowConfig
from mrigen.models.flow.flow import Flow
from mrigen.objectives.flow_matching import FlowMatching, FlowMatchingConfig
from mrigen.training.config import TrainingConfig
from mrigen.training.loop import start_state, update, validate
from mrigen.training.runtime import Runtime, choose_runtime
from mrigen.training.state import TrainState

try:
    import einops  # noqa: F401 - MONAI asks for it when a network with attention is made
    from monai.networks.nets import DiffusionModelUNet
except ImportError:
    raise SystemExit("MONAI is missing: install it with 'pip install monai einops'.") from None

BATCH, TURN, STEPS, SAMPLED, REPEATS = 32, 4.0, 10, 16, 4
SETTINGS = TrainingConfig(
    epochs=100_000, batch_size=BATCH, optimizer="adamw", learning_rate=1e-3, ema_decay=0.99
)


class MonaiUNet(nn.Module):
    """MONAI's network, called as ours is."""

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        levels = config.depth + 1
        self.network = DiffusionModelUNet(
            spatial_dims=2,
            in_channels=config.block**2,
            out_channels=config.block**2,
            channels=[config.base_channels * (2 + level) // 16 * 8 for level in range(levels)],
            attention_levels=[
                level > config.depth - config.attention_levels for level in range(levels)
            ],
            num_res_blocks=config.residual_blocks,
            num_head_channels=32,
            norm_num_groups=8,
            use_flash_attention=True,
        )

    def forward(self, points: Tensor, times: Tensor, *_: object) -> Tensor:
        """Return (N, C, H, W); its sinusoids are made for a thousand times."""
        grid = points.contiguous(memory_format=torch.channels_last)
        answer: Tensor = self.network(grid, 1000 * times)
        return answer


@dataclass
class Trainee:
    """A network in training."""

    name: str
    runtime: Runtime
    state: TrainState
    batches: Iterator[Batch]
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)

    @property
    def flow(self) -> Flow:
        """What is drawn from."""
        network = self.state.final_network
        assert isinstance(network, Flow)
        return network.eval()

    def train(self, seconds: float) -> None:
        """Train for so many seconds of the processor."""
        start = time.process_time()
        while time.process_time() - start < seconds:
            update(self.state, next(self.batches), SETTINGS, total=10**9, runtime=self.runtime)
            self.state.step += 1
        self.seconds += time.process_time() - start

    def judge(self, batches: list[Batch]) -> float:
        """Return the loss of the average on other people's slices."""
        objective = FlowMatching(self.flow, FlowMatchingConfig(name="flow_matching"))
        found = [
            validate(objective, batches, seed=seed, runtime=self.runtime)["loss"]
            for seed in range(REPEATS)
        ]
        return sum(found) / len(found)

    def sampling_speed(self) -> float:
        """Return images per second."""
        noise = torch.randn(SAMPLED, *self.flow.noise_shape)
        start = time.process_time()
        with torch.inference_mode(), self.runtime.autocast():
            self.flow.sample(noise)
        return SAMPLED / (time.process_time() - start)


def prepare(name: str, config: FlowConfig, dataset: SliceDataset, runtime: Runtime) -> Trainee:
    torch.manual_seed(0)
    network = build_network(config, dataset.store.size)
    assert isinstance(network, Flow)
    network.measure(batch.target for batch in ordered_batches(dataset, batch_size=64))
    if name == "MONAI":
        network.unet = MonaiUNet(config)
    objective = FlowMatching(network, FlowMatchingConfig(name="flow_matching"))
    state = start_state(objective, SETTINGS, runtime)
    batches = training_batches(dataset, batch_size=BATCH, device=runtime.device)
    return Trainee(name, runtime, state, batches)


def multiply_adds(network: Flow) -> float:
    """Return millions of them for one answer to one image."""
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network.velocity(network.to_data(torch.zeros(1, *network.noise_shape)), torch.zeros(1))
    return counter.get_total_flops() / 2e6


def measure(config: FlowConfig, project: Path, precision: str, seconds: float) -> list[str]:
    store = SliceStore(project / "processed" / "heads")
    train, held_out = (
        SliceDataset(store, split, corruption=None, seed=0) for split in ("train", "validation")
    )
    runtime = choose_runtime(device="cpu", precision=precision)
    pair = [prepare(name, config, train, runtime) for name in ("ours", "MONAI")]
    for one in pair:
        one.train(0.0)  # the first steps look for kernels
        one.seconds, one.state.step = 0.0, 0
    while any(one.seconds < seconds for one in pair):
        for one in pair:
            one.train(min(TURN, seconds - one.seconds))
    batches = list(islice(ordered_batches(held_out, batch_size=64), 4))
    rows = []
    for one in pair:
        speed = one.state.step * BATCH / one.seconds
        rows.append(
            f"| {one.name} | {precision} | {count_parameters(one.flow)[1]:,} | "
            f"{multiply_adds(one.flow):.0f} | {speed:.0f} | {one.sampling_speed():.2f} | "
            f"{one.judge(batches):.4f} |"
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("project", type=Path)
    parser.add_argument("--seconds", type=float, default=40, help="of training, each")
    options = parser.parse_args()
    torch.set_num_threads(1)
    config = FlowConfig.model_validate({"name": "flow", "sampling": {"steps": STEPS}})
    print(
        "| Network | Precision | Parameters | Million multiply-adds | Training, images/s | "
        f"Sampling, {STEPS} steps, images/s | Validation loss after {options.seconds:.0f} s |"
    )
    print("|---|---|---|---|---|---|---|")
    for precision in ("fp32", "bf16"):
        for row in measure(config, options.project, precision, options.seconds):
            print(row, flush=True)


if __name__ == "__main__":
    main()
