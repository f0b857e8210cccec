"""Train a study's best trial and the baseline anew, with seeds that took no part in the choice."""

import json
import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from itertools import product

from rich.progress import MofNCompleteColumn, TextColumn

from mrigen.data.store.slice_store import SliceStore
from mrigen.errors import ConfigError, TuningError
from mrigen.model_config import ModelConfig
from mrigen.project import Project
from mrigen.seeds import torch_seed
from mrigen.stages.progress import reporting
from mrigen.stages.provenance import source_hash
from mrigen.stages.training_job import CODE, JUDGE
from mrigen.stages.tuning.chosen import chosen_trial, refuse_other_study
from mrigen.stages.tuning.devices import find_devices
from mrigen.stages.tuning.repeats import Repeat, train_all
from mrigen.stages.tuning.report import write_report
from mrigen.tuning.confirmation import (
    MIN_PAIRS,
    Confirmation,
    Side,
    Training,
    read_confirmation,
    write_confirmation,
)
from mrigen.tuning.plan import StudyPlan
from mrigen.tuning.records import TrialRecord
from mrigen.tuning.space import parameters_of
from mrigen.tuning.storage import open_storage
from mrigen.tuning.study import load_study
from mrigen.tuning.wording import spoken_duration, spoken_score

# What decides the scores beside parameters and data.
_SCORED_BY = (*CODE, *JUDGE, "metrics")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Half:
    """What is trained for one side, and what tells such trainings from others, seeds left out."""

    config: ModelConfig
    identity: str


_Sides = dict[Side, _Half]


def confirm(
    project: Project,
    model: str,
    *,
    seeds: int = 3,
    workers: int = 1,
    storage: str | None = None,
    study: str | None = None,
    trial: int | None = None,
    device: str = "auto",
    progress: bool = True,
) -> Confirmation:
    """Train a trial's parameters and the baseline's with fresh seeds, and compare their scores.

    Writes `tuned/<model>/confirmation.json` after each training, and the study's report at the
    end. What an earlier call has trained is not trained again: one that was interrupted, was for
    fewer seeds, or has the baseline from another trial.

    Parameters
    ----------
    project
        The project folder.
    model
        A name under `models:` that was searched.
    seeds
        How many; each trains both.
    workers
        Trainings at a time.
    storage, study
        Where the study is, and which; by default the one that was worked on last.
    trial
        Its number; by default the one with the smallest score.
    device
        Where to compute.
    progress
        Show how many trainings are done.

    Raises
    ------
    ConfigError, DataError, TuningError
        If the study, the trial, the slices or the device cannot be used.
    """
    if seeds < MIN_PAIRS or workers < 1:
        raise ConfigError(
            f"a confirmation with {seeds} seeds and {workers} workers was asked for: expected at "
            f"least {MIN_PAIRS} seeds, as one tells nothing of chance, and 1 worker."
        )
    found = load_study(open_storage(project.root, storage, create=False), model, name=study)
    plan, record = found.plan, found.record()
    config = project.model_config(model)
    refuse_other_study(project, config, found)
    SliceStore(project.processed(config.dataset)).verify()
    chosen = chosen_trial(record, trial)
    devices = find_devices(device, "fp32")
    sides = _sides(config.model_copy(update={"search": plan.search}), plan, chosen, devices[0])
    asked = Confirmation(
        model=model,
        study=plan.name,
        trial=chosen.number,
        score=plan.objectives[0],
        baseline=plan.baseline,
        tuned=chosen.params,
        baseline_in_study=record.baseline.values[0] if record.baseline else None,
        tuned_in_study=chosen.values[0],
        seeds=tuple(_seed(place) for place in range(seeds)),
    )
    begun = _with_earlier(project, asked, sides)
    confirmation = _finish(project, begun, sides, devices, workers=workers, progress=progress)
    write_report(project, found.record(), search=plan.search)
    return confirmation


def _sides(config: ModelConfig, plan: StudyPlan, chosen: TrialRecord, device: str) -> _Sides:
    """Return what is trained for the baseline, and for the trial."""
    baseline = plan.baseline
    if baseline is None:  # outside the space, unless a promotion has put it there
        baseline, _ = parameters_of(config.section, plan.search)
    if chosen.params == baseline:
        raise TuningError(
            f"trial {chosen.number} of study '{plan.name}' has the parameters it would be compared "
            "with: expected others. Run more trials, or name another with --trial."
        )
    # After a promotion params.yaml has the trial's values, and the study those before.
    present = config if plan.baseline is None else config.with_parameters(plan.baseline)
    tuned = config.with_parameters(chosen.params)
    return {
        "baseline": _Half(present, _identity(present, plan, device)),
        "tuned": _Half(tuned, _identity(tuned, plan, device)),
    }


def _identity(config: ModelConfig, plan: StudyPlan, device: str) -> str:
    section = config.trained
    del section["training"]["seed"]
    extractor = config.evaluation.extractors[0].model_dump(mode="json")
    scored = [plan.data, plan.search.samples, plan.search.slices, extractor]
    parts = [section, scored, device.split(":")[0], source_hash(*_SCORED_BY)]
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _seed(place: int) -> int:
    # The same for every study, so that trials confirmed one after the other compare.
    return torch_seed("confirm", place) >> 1  # 31 bits, as in params.yaml


def _with_earlier(project: Project, asked: Confirmation, sides: _Sides) -> Confirmation:
    """Return the confirmation with what earlier calls have trained.

    Pairs that are there count, also beyond those asked for: to leave some out would be a choice.
    """
    earlier = read_confirmation(project.tuned / asked.model)
    if earlier is None:
        return asked
    kept = [each for each in earlier.trainings if each.identity == sides[each.side].identity]
    whole = Counter(each.seed for each in kept)
    seeds = dict.fromkeys((*asked.seeds, *(seed for seed in whole if whole[seed] == len(sides))))
    trainings = tuple(each for each in kept if each.seed in seeds)
    return asked.model_copy(update={"seeds": tuple(seeds), "trainings": trainings})


def _finish(
    project: Project,
    confirmation: Confirmation,
    sides: _Sides,
    devices: Sequence[str],
    *,
    workers: int,
    progress: bool,
) -> Confirmation:
    """Train what is left, and write the confirmation down after each."""
    model, folder = confirmation.model, project.tuned / confirmation.model
    done = {(each.seed, each.side) for each in confirmation.trainings}
    left = [pair for pair in product(confirmation.seeds, sides) if pair not in done]
    repeats = [
        Repeat(
            project=project,
            model=model,
            config=sides[side].config,
            side=side,
            seed=seed,
            device=devices[number % len(devices)],
            identity=sides[side].identity,
        )
        for number, (seed, side) in enumerate(left)
    ]
    total = 2 * len(confirmation.seeds)
    columns = MofNCompleteColumn(), TextColumn("trainings")
    write_confirmation(folder, confirmation)
    with (
        reporting(model, *columns, shown=progress) as report,
        closing(train_all(repeats, workers=workers)) as trainings,
    ):
        report(total - confirmation.left, total)
        for training in trainings:
            together = (*confirmation.trainings, training)
            confirmation = confirmation.model_copy(update={"trainings": together})
            write_confirmation(folder, confirmation)
            report(total - confirmation.left, total)
            _log.info("%s: %s", model, _told(confirmation, training))
    return confirmation


def _told(confirmation: Confirmation, training: Training) -> str:
    whose = "baseline" if training.side == "baseline" else f"trial {confirmation.trial}"
    ended = f"failed: {training.reason}"
    if training.seconds is not None:
        score = spoken_score(training.scores[confirmation.score])
        ended = f"{confirmation.score} {score} after {spoken_duration(training.seconds)}"
    return f"seed {training.seed}, {whose}: {ended}"
