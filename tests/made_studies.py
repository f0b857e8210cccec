"""Studies made by hand: trials of every kind, with scores that follow from their parameters."""

import math
from datetime import UTC, datetime, timedelta

import numpy as np

from mrigen.tuning.config import SearchConfig
from mrigen.tuning.records import StudyRecord, TrialRecord, TrialState

EPOCHS = 27
START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
SEARCH = SearchConfig.model_validate(
    {
        "parameters": {
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
    }
)
BASELINE = {
    "training.learning_rate": 1e-3,
    "network.latent_size": 48,
    "network.depth": 4,
    "network.sampling.name": "mixture",
    "network.sampling.components": 16,
}


def made_study(count=24, *, seconds=False, seed=0):
    """Return a study of `count` trials that count, the baseline first, and one lost trial more."""
    rng = np.random.default_rng(seed)
    trials = [_trial(0, BASELINE, TrialState.COMPLETE, rng, seconds=seconds)]
    while sum(trial.state is not TrialState.LOST for trial in trials) < count:
        number = len(trials)
        params = _drawn(rng) if number != 7 else trials[6].params
        state = {5: TrialState.FAILED, 6: TrialState.LOST, count: TrialState.RUNNING}.get(number)
        if state is None:
            prunes = number > 3 and not seconds and _score(params) > 41.5
            state = TrialState.PRUNED if prunes else TrialState.COMPLETE
        trials.append(_trial(number, params, state, rng, seconds=seconds))
    objectives = ("frechet_distance", "seconds") if seconds else ("frechet_distance",)
    return StudyRecord(
        name="vae-1f2e3d4c-a1b2c3d4",
        model="vae",
        dataset="heads",
        data="1f2e3d4c" * 8,
        objectives=objectives,
        trials=tuple(trials),
    )


def _trial(number, params, state, rng, *, seconds):
    score = _score(params) + rng.normal(0, 0.5)
    took = 40 + 15 * params["network.depth"] + 0.2 * params["network.latent_size"]
    epochs = {TrialState.PRUNED: [3, 9], TrialState.COMPLETE: [3, 9, 27], TrialState.RUNNING: [3]}
    looks = {epoch: score + 60 / epoch for epoch in epochs.get(state, [])}
    if state is TrialState.COMPLETE:
        looks[EPOCHS] = score
    began = START + timedelta(minutes=number)
    values = (score, took) if seconds else (score,)
    reasons = {
        TrialState.FAILED: "training diverged in step 41, where 'loss' is nan",
        TrialState.LOST: "its worker was killed",
        TrialState.PRUNED: "behind the others after epoch 9",
    }
    running = state is TrialState.RUNNING
    return TrialRecord(
        number=number,
        state=state,
        params=params,
        values=values if state is TrialState.COMPLETE else (),
        looks=looks,
        reason=reasons.get(state),
        seconds=None if running else took,
        score_seconds=None if running else 6.5,
        device="cpu",
        worker=f"host:{4000 + number % 2}:abc",
        run=f"{number:032x}",
        baseline=number == 0,
        retry_of=6 if number == 7 else None,
        started=began,
        ended=None if running else began + timedelta(seconds=took),
    )


def _drawn(rng):
    params = {
        "training.learning_rate": float(math.exp(rng.uniform(math.log(3e-4), math.log(1e-2)))),
        "network.latent_size": int(rng.choice(range(16, 97, 16))),
        "network.depth": int(rng.choice([3, 4, 5])),
        "network.sampling.name": str(rng.choice(["prior", "mixture"])),
    }
    if params["network.sampling.name"] == "mixture":
        params["network.sampling.components"] = int(rng.integers(4, 33))
    return params


def _score(params):
    rate = 8 * (math.log10(params["training.learning_rate"]) + 2.6) ** 2
    mixture = -5 + 0.05 * abs(params.get("network.sampling.components", 0) - 20)
    drawn = mixture if params["network.sampling.name"] == "mixture" else 0
    return 38 + rate + abs(params["network.latent_size"] - 64) / 12 + drawn
