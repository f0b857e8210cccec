"""How soon a study's proposals find good parameters.

Run `python benchmarks/proposals.py [--studies 30]`. Made-up losses of five parameters stand for
trainings: one with a single hollow, one with many, and one that diverges where the learning rate
is high. Each study has a loss of its own, drawn by its number, and the same for every way of
proposing, which sees the losses with a little noise. Printed are the mean distance between the
smallest loss so far and the smallest there is, with its standard error, and how many of the trials
diverged.
"""

import argparse
import math
from collections.abc import Callable
from itertools import product
from typing import NamedTuple

import numpy as np
import optuna

from mrigen.tuning import proposals
from mrigen.tuning.config import SearchConfig, Value
from mrigen.tuning.proposals import propose
from mrigen.tuning.records import TrialRecord, TrialState
from mrigen.tuning.space import suggest

SHOWN = (10, 20, 30)  # trials
PARAMETERS = {
    "training.learning_rate": {"float": [3e-4, 1e-2], "log": True},
    "network.latent_size": {"integer": [16, 96], "step": 16},
    "network.depth": {"choice": [3, 4, 5]},
    "network.sampling.name": {"choice": ["prior", "mixture"]},
    "network.sampling.components": {
        "integer": [4, 32],
        "log": True,
        "when": {"network.sampling.name": "mixture"},
    },
}
BASELINE: dict[str, Value] = {
    "training.learning_rate": 1e-3,
    "network.latent_size": 32,
    "network.depth": 4,
    "network.sampling.name": "prior",
}

Loss = Callable[[dict[str, Value]], float | None]
# Takes the number of the study and its loss, and returns the losses of its trials.
Way = Callable[[int, Loss, np.random.Generator], list[float | None]]


class Hollow(NamedTuple):
    """Where a loss is small, and how much the choices matter."""

    rate: float
    latent: float
    components: float
    mixture: float
    depths: np.ndarray
    shifts: np.ndarray

    def loss(self, params: dict[str, Value], kind: str) -> float | None:
        """Return the loss of some parameters, None where the training diverges."""
        depth, latent = params["network.depth"] - 3, params["network.latent_size"]
        off = math.log(params["training.learning_rate"]) - self.rate - self.shifts[depth]
        if kind == "diverging" and off > 1:
            return None
        loss = off**2 + ((latent - self.latent) / 50) ** 2 + self.depths[depth]
        if kind == "rugged":
            loss += 0.5 * math.sin(6 * off) + 0.4 * math.cos(latent / 7)
        if "network.sampling.components" in params:
            apart = math.log(params["network.sampling.components"]) - self.components
            loss += self.mixture + 0.3 * apart**2
        return loss


def hollow(number: int) -> Hollow:
    rng = np.random.default_rng(number)
    return Hollow(
        rate=rng.uniform(math.log(5e-4), math.log(8e-3)),
        latent=rng.uniform(16, 96),
        components=rng.uniform(math.log(4), math.log(32)),
        mixture=rng.normal(0, 0.5),
        depths=rng.normal(0, 0.4, 3),
        shifts=rng.normal(0, 0.3, 3),
    )


def smallest(loss: Loss) -> float:
    kinds = [{"network.sampling.name": "prior"}] + [
        {"network.sampling.name": "mixture", "network.sampling.components": count}
        for count in (4, 6, 8, 11, 16, 22, 32)
    ]
    grid = product(np.geomspace(3e-4, 1e-2, 40), range(16, 97, 16), (3, 4, 5), kinds)
    found = (
        loss({"training.learning_rate": rate, "network.latent_size": latent,
              "network.depth": depth, **kind})
        for rate, latent, depth, kind in grid
    )  # fmt: skip
    return min(value for value in found if value is not None)


def by_study(number: int, loss: Loss, rng: np.random.Generator) -> list[float | None]:
    """Propose as studies do."""
    search = SearchConfig.model_validate({"parameters": PARAMETERS, "seed": number})
    history: list[TrialRecord] = []
    losses: list[float | None] = []
    while len(history) < max(SHOWN):
        proposal = propose(search, 1, history)
        params = proposal.params if history and proposal else BASELINE
        losses.append(loss(params))
        score = losses[-1]
        state = TrialState.FAILED if score is None else TrialState.COMPLETE
        values = () if score is None else (score + rng.normal(0, 0.05),)
        history.append(TrialRecord(len(history), state, params, values))
    return losses


def by_optuna(sampler: Callable[..., optuna.samplers.BaseSampler]) -> Way:
    """Propose as Optuna does by itself."""

    def losses_of(number: int, loss: Loss, rng: np.random.Generator) -> list[float | None]:
        search = SearchConfig.model_validate({"parameters": PARAMETERS})
        study = optuna.create_study(sampler=sampler(seed=number))
        study.enqueue_trial(BASELINE)
        losses: list[float | None] = []
        while len(losses) < max(SHOWN):
            trial = study.ask()
            losses.append(loss(suggest(search, trial)))
            score = losses[-1]
            if score is None:
                study.tell(trial, state=optuna.trial.TrialState.FAIL)
            else:
                study.tell(trial, score + rng.normal(0, 0.05))
        return losses

    return losses_of


def line(way: Way, kind: str, studies: int) -> str:
    distances, diverged = [], []
    for number in range(studies):
        found = hollow(number)

        def loss(params: dict[str, Value], found: Hollow = found) -> float | None:
            return found.loss(params, kind)

        losses = way(number, loss, np.random.default_rng([number, 1]))
        best = np.fmin.accumulate([math.inf if value is None else value for value in losses])
        distances.append([best[shown - 1] - smallest(loss) for shown in SHOWN])
        diverged.append(losses.count(None))
    means, spread = np.mean(distances, 0), np.std(distances, 0) / math.sqrt(studies)
    cells = "  ".join(
        f"{mean:5.2f} ± {error:4.2f}" for mean, error in zip(means, spread, strict=True)
    )
    return f"{cells}  {np.mean(diverged):8.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=30)
    studies = parser.parse_args().studies
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    ways = {
        "random": by_optuna(optuna.samplers.RandomSampler),
        "Optuna's TPE": by_optuna(optuna.samplers.TPESampler),
    }
    usual = proposals.RANDOM_TRIALS
    print(
        f"{'distance to the best after':34}"
        + "  ".join(f"{shown:5} trials" for shown in SHOWN)
        + "  diverged"
    )
    for kind in ("single", "rugged", "diverging"):
        for name, way in ways.items():
            print(f"{kind:10}{name:24}{line(way, kind, studies)}", flush=True)
        for first in (2, usual, 10):
            proposals.RANDOM_TRIALS = first
            name = f"mrigen, first {first} random"
            print(f"{kind:10}{name:24}{line(by_study, kind, studies)}", flush=True)


if __name__ == "__main__":
    main()
