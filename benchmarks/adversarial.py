"""Which adversarial loss makes the best slices in the same time.

Run `python benchmarks/adversarial.py PROJECT`, where `mrigen slices tumours` has run. Every recipe
trains with the demo's sizes for the same seconds of processor time, so that a busy machine does
not decide, and is judged like `mrigen evaluate` does: the Fréchet distance of the averaged
generator's images to the test split, and its ratio to the distance between real splits. "spread"
is how much the generated images differ, as a share of how much real ones do: a generator that
always draws the same head has one near zero.
"""

import argparse
import time
from pathlib import Path

import torch
from pydantic import TypeAdapter
from torch import Tensor

from mrigen.data.loader import TEST, TRAIN, SliceDataset, ordered_batches, training_batches
from mrigen.data.store.slice_store import SliceStore
from mrigen.evaluation.case import generate
from mrigen.evaluation.generation.distances import frechet_numbers
from mrigen.evaluation.generation.sets import Three
from mrigen.images import contact_sheet, write_png
from mrigen.metrics.features import FeatureExtractor, efficientnet_lite0
from mrigen.models.build import NetworkConfig, build_network
from mrigen.objectives.build import ObjectiveConfig, build_objective
from mrigen.project import load_project
from mrigen.training.config import TrainingConfig
from mrigen.training.loop import fit, start_state
from mrigen.training.runtime import choose_runtime
from mrigen.training.state import TrainState

IMAGES, SEED, SPLITS = 256, 0, (TEST, TRAIN)
NETWORK = {"name": "feliu_gan", "base_channels": 16, "discriminator_channels": 16}
TRAINING = {"batch_size": 16, "learning_rate": 5e-4, "betas": [0.5, 0.999], "ema_decay": 0.99}
PLAIN, SPECTRAL = {"normalisation": "none"}, {"normalisation": "spectral"}
COLOURLESS = ["brightness", "contrast", "translation"]

# Each changes the network, the objective and the training above.
RECIPES: dict[str, tuple[dict[str, object], dict[str, object], dict[str, object]]] = {
    "study": ({}, {"loss": "saturating_double_sigmoid"}, {}),
    "non-saturating": ({}, {}, {}),
    "non-saturating, R1": ({}, {"r1_weight": 1}, {}),
    "non-saturating, R1, no norm": (PLAIN, {"r1_weight": 1}, {}),
    "non-saturating, spectral": (SPECTRAL, {}, {}),
    "hinge, spectral": (SPECTRAL, {"loss": "hinge"}, {}),
    "Wasserstein, penalty, 3 critic steps": (
        PLAIN,
        {"loss": "wasserstein", "gradient_penalty": 10, "critic_steps": 3},
        {},
    ),
    "relativistic, R1, R2": (PLAIN, {"loss": "relativistic", "r1_weight": 1, "r2_weight": 1}, {}),
    "non-saturating, R1, augmented": ({}, {"r1_weight": 1, "diff_augment": COLOURLESS}, {}),
}


def train(recipe: str, store: SliceStore, depth: int, seconds: float) -> TrainState:
    network, objective, training = RECIPES[recipe]
    config = TrainingConfig.model_validate({**TRAINING, "epochs": 100_000, **training})
    runtime = choose_runtime(device="cpu")
    torch.manual_seed(SEED)
    parse_network = TypeAdapter(NetworkConfig).validate_python
    built = build_network(parse_network({**NETWORK, "depth": depth, **network}), store.size)
    parse_objective = TypeAdapter(ObjectiveConfig).validate_python
    bound = build_objective(parse_objective({"name": "adversarial", **objective}), built)
    state = start_state(bound, config, runtime)
    dataset = SliceDataset(store, TRAIN, corruption=None, seed=SEED)
    batches = training_batches(dataset, batch_size=config.batch_size)
    started = time.process_time()
    for _ in fit(state, batches, config, steps_per_epoch=100, runtime=runtime):
        if time.process_time() - started > seconds:
            break
    return state


def judge(state: TrainState, store: SliceStore, extractor: FeatureExtractor) -> tuple[str, Tensor]:
    test, others = (SliceDataset(store, split, corruption=None, seed=SEED) for split in SPLITS)
    count = min(len(test), len(others), IMAGES)
    real = next(ordered_batches(test, batch_size=count, limit=count)).target
    train = next(ordered_batches(others, batch_size=count, limit=count)).target
    generated = torch.cat(list(generate(state.final_network, count, seed=SEED)))
    scores = frechet_numbers(Three(*map(extractor, (generated, real, train))))
    spread = float(generated.std(0).mean() / real.std(0).mean())
    cells = f"{scores['frechet_distance']:.0f} | {scores['frechet_ratio']:.1f} | {spread:.2f}"
    return cells, generated[:49]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("project", type=Path)
    parser.add_argument("--depth", type=int, default=7, choices=(4, 7, 15))
    parser.add_argument("--seconds", type=float, default=75, help="of processor time, each")
    parser.add_argument("--only", nargs="*", default=list(RECIPES), help="names of recipes")
    parser.add_argument("--sheets", type=Path, help="folder for pictures of what was generated")
    options = parser.parse_args()
    store = SliceStore(load_project(options.project).processed("tumours"))
    extractor = efficientnet_lite0()
    print(f"depth {options.depth}, {options.seconds:g} processor seconds each\n")
    print("| recipe | steps | Fréchet distance | ratio | spread |\n|---|---|---|---|---|")
    for number, recipe in enumerate(options.only):
        state = train(recipe, store, options.depth, options.seconds)
        cells, pictures = judge(state, store, extractor)
        print(f"| {recipe} | {state.step} | {cells} |", flush=True)
        if options.sheets:
            options.sheets.mkdir(parents=True, exist_ok=True)
            path = options.sheets / f"{options.depth}_{number}.png"
            write_png(path, contact_sheet(pictures, columns=7))


if __name__ == "__main__":
    main()
