"""How much the training loop costs beside a bare one, and what its choices bring.

Run `python benchmarks/training.py`. Every ratio is measured side by side in one process, turn by
turn, and is the median over the turns: machines are noisy, ratios less so.
"""

import statistics
import time
from collections.abc import Callable
from itertools import cycle

import torch
from pydantic import TypeAdapter

from mrigen.data.loader import Batch
from mrigen.models.build import NetworkConfig, build_network
from mrigen.objectives.base import Objective
from mrigen.objectives.build import ObjectiveConfig, build_objective
from mrigen.training.config import TrainingConfig
from mrigen.training.loop import fit, start_state
from mrigen.training.runtime import Precision, choose_runtime

SIZE, BATCH, STEPS, TURNS = 64, 16, 6, 5
MODELS = {
    "vae": (
        {"name": "vae", "latent_size": 64, "base_channels": 16, "depth": 4},
        {"name": "variational"},
    ),
    "gan7": ({"name": "feliu_gan", "base_channels": 16}, {"name": "adversarial"}),
    "unet": ({"name": "unet", "base_channels": 16, "depth": 3}, {"name": "reconstruction"}),
}


def make_objective(model: str) -> Objective:
    network, objective = MODELS[model]
    torch.manual_seed(0)
    built = build_network(TypeAdapter(NetworkConfig).validate_python(network), SIZE)
    return build_objective(TypeAdapter(ObjectiveConfig).validate_python(objective), built)


def make_batch() -> Batch:
    images = torch.rand(BATCH, 1, SIZE, SIZE)
    return Batch(images, images, torch.zeros_like(images, dtype=torch.bool), torch.arange(BATCH))


def bare_loop(model: str) -> Callable[[], None]:
    """The shortest loop that trains the same model: no average, no reports, default layout."""
    objective, batch = make_objective(model), make_batch()
    optimizers = {p.name: torch.optim.Adam(p.module.parameters(), 1e-3) for p in objective.phases}
    objective.network.train()

    def run() -> None:
        for _ in range(STEPS):
            for name, optimizer in optimizers.items():
                optimizer.zero_grad()
                objective.loss(name, batch)["loss"].backward()
                optimizer.step()

    return run


def mrigen_loop(model: str, *, precision: Precision = "fp32") -> Callable[[], None]:
    config = TrainingConfig(epochs=10**5, batch_size=BATCH)
    runtime = choose_runtime(precision=precision)
    state = start_state(make_objective(model), config, runtime)
    loop = fit(state, cycle([make_batch()]), config, steps_per_epoch=STEPS, runtime=runtime)

    def run() -> None:
        for _ in range(STEPS):
            next(loop)

    return run


def images_per_second(runs: dict[str, Callable[[], None]]) -> dict[str, float]:
    speeds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(TURNS + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            if turn:  # the first warms up
                speeds[name].append(STEPS * BATCH / (time.perf_counter() - start))
    return {name: statistics.median(values) for name, values in speeds.items()}


def main() -> None:
    print(f"images/s at {SIZE} px, batch {BATCH}, {torch.get_num_threads()} threads\n")
    print("| model | bare loop | mrigen fp32 | ratio | mrigen bf16 | ratio |")
    print("|---|---|---|---|---|---|")
    for model in MODELS:
        speed = images_per_second(
            {
                "bare": bare_loop(model),
                "fp32": mrigen_loop(model),
                "bf16": mrigen_loop(model, precision="bf16"),
            }
        )
        bare = speed["bare"]
        cells = [f"{speed[name]:.0f} | {speed[name] / bare:.2f}" for name in ("fp32", "bf16")]
        print(f"| {model} | {bare:.0f} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
