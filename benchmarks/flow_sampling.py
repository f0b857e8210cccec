"""How a trained `flow` is best drawn from: its sampler's settings, judged on validation slices.

Run `python benchmarks/flow_sampling.py PROJECT BUNDLE --try weight=3,start=0.4 --try
steps=4,last_step=0.25`: PROJECT has the slices that the bundle was trained on (`mrigen slices`),
each `--try` is a row, and what it does not name stays as the bundle has it. Nothing is trained, and
no test slice is looked at, so that what is chosen here can still be judged by `mrigen evaluate`.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mrigen.bundle import Bundle, load_bundle
from mrigen.config import parse_config
from mrigen.data.loader import TRAIN, VALIDATION
from mrigen.data.store.slice_store import SliceStore
from mrigen.errors import MrigenError
from mrigen.evaluation.case import Case, spread_over
from mrigen.evaluation.config import EvaluationConfig, GenerationConfig
from mrigen.evaluation.feature_cache import features_of
from mrigen.evaluation.generation.distances import statistics_of
from mrigen.images import from_integers, to_uint8
from mrigen.metrics.distribution import frechet_distance
from mrigen.metrics.features import FeatureExtractor, efficientnet_lite0
from mrigen.metrics.kernel_distance import kernel_distance
from mrigen.metrics.manifold import prdc
from mrigen.models.flow.config import FlowConfig
from mrigen.models.flow.flow import Flow
from mrigen.project import load_project

_AUTOGUIDANCE = ("weight", "start")
_SAMPLING = ("steps", "last_step", "guidance")
_COLUMNS = (
    "setting", "Fréchet distance", "kernel distance", "precision", "recall", "density",
    "coverage", "images a processor second",
)  # fmt: skip


def changed(config: FlowConfig, words: str) -> FlowConfig:
    """Return a flow's configuration with other settings of its sampler.

    Parameters
    ----------
    config
        As the flow was trained.
    words
        Such as `weight=3,steps=8`; empty changes nothing.
    """
    values: dict[str, Any] = config.model_dump(mode="json")
    for word in filter(None, words.split(",")):
        name, _, value = word.partition("=")
        if name not in _AUTOGUIDANCE + _SAMPLING:
            known = ", ".join(_AUTOGUIDANCE + _SAMPLING)
            raise SystemExit(f"no setting '{name}': expected one of {known}.")
        block = values["autoguidance" if name in _AUTOGUIDANCE else "sampling"]
        if block is None:
            raise SystemExit(f"the flow has no guide: '{name}' has nothing to set.")
        block[name] = value
    # A quick mode of more steps than the other would be refused, and is not looked at.
    values["sampling"]["quick_steps"] = 1
    return parse_config(FlowConfig, values, source=f"--try {words}")


class Judge:
    """Holds sets of images against validation slices."""

    def __init__(self, store: SliceStore, extractor: FeatureExtractor) -> None:
        self.store, self.extractor = store, extractor
        self.real = self._features(store.positions(VALIDATION))

    def _features(self, positions: npt.NDArray[np.int64]) -> Tensor:
        return features_of(from_integers(self.store.read(positions)[:, None]), self.extractor)

    def training(self) -> list[str]:
        """Return the numbers of as many training slices, evenly over their split."""
        positions = spread_over(self.store.positions(TRAIN), len(self.real))
        return self._numbers(self._features(positions))

    def drawn(self, network: Flow, seed: int) -> list[str]:
        """Return the numbers of as many images, and how many a processor second were drawn."""
        config = EvaluationConfig(samples=len(self.real), seed=seed)
        cpu = torch.device("cpu")
        case = Case("flow", network, self.store, None, config, cpu, Path())
        start = time.process_time()
        images = to_uint8(case.generated(len(self.real)))
        seconds = time.process_time() - start
        numbers = self._numbers(features_of(from_integers(images), self.extractor))
        return [*numbers, f"{len(images) / seconds:.1f}"]

    def _numbers(self, features: Tensor) -> list[str]:
        neighbours = GenerationConfig().neighbours
        manifold = prdc(self.real, features, neighbours=neighbours)
        return [
            f"{frechet_distance(statistics_of(self.real), statistics_of(features)):.1f}",
            f"{kernel_distance(self.real, features):.4f}",
            *[f"{value:.2f}" for value in manifold],
        ]


def checked_flow(bundle: Bundle) -> Flow:
    """Return the bundle's network, if it is a flow."""
    if not isinstance(bundle.model, Flow):
        raise SystemExit(f"'{bundle.path}' is no flow: expected the bundle of one.")
    return bundle.model


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("project", type=Path)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--try", dest="tried", action="append", default=[], metavar="NAME=VALUE,…")
    parser.add_argument("--dataset", default="heads")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def main() -> None:
    options = parse_arguments()
    torch.set_num_threads(options.threads)
    try:
        store = SliceStore(load_project(options.project).processed(options.dataset))
        network = checked_flow(load_bundle(options.bundle))
        own = network.config
        if network.guide is not None and not network.has_guide:
            # Its training ended before a guide was kept.
            own = own.model_copy(update={"autoguidance": None})
        settings = {words: changed(own, words) for words in ["", *options.tried]}
        judge = Judge(store, efficientnet_lite0())
        print(f"| {' | '.join(_COLUMNS)} |\n|{'---|' * len(_COLUMNS)}")
        print(f"| real training slices | {' | '.join(judge.training())} | |")
        for words, config in settings.items():
            network.config = config
            numbers = judge.drawn(network, options.seed)
            print(f"| {words or 'as trained'} | {' | '.join(numbers)} |", flush=True)
    except MrigenError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
