"""What a study costs beside the trainings in it.

Run `python benchmarks/tuning_overhead.py PROJECT --model vae --trials 4 --epochs 10`. A study of a
model is run with one worker, then the same trials are trained one after the other as
`mrigen train` does, both in a copy of the project. No trial is given up, so that both sides train
the same epochs. What comes before the first trial and after the last (processes that start, the
report) does not grow with the number of trials. On a machine that does other things, look at
processor seconds.
"""

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import yaml

from mrigen.config import read_yaml
from mrigen.project import Project, load_project
from mrigen.stages.train import train
from mrigen.stages.tuning.run import tune
from mrigen.training.runtime import choose_runtime
from mrigen.tuning.records import StudyRecord


class Cost(NamedTuple):
    """Seconds on the wall and of all processors, child processes included."""

    seconds: float
    processor_seconds: float


def cost(work: Callable[[], object]) -> Cost:
    start, spent = time.perf_counter(), sum(os.times()[:4])
    work()
    return Cost(time.perf_counter() - start, sum(os.times()[:4]) - spent)


def copy_project(source: Path, root: Path, model: str, epochs: int | None) -> Project:
    values = read_yaml(source / "params.yaml")
    section = values["models"][model]
    section["search"]["pruning"] = None
    if epochs is not None:
        section["training"] = section["training"] | {"epochs": epochs}
    values["models"] = {model: section}
    (root / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    (root / "processed").symlink_to((source / "processed").resolve())
    if (source / "cache").exists():
        shutil.copytree(source / "cache", root / "cache")
    return load_project(root)


def train_again(project: Project, record: StudyRecord, device: str) -> None:
    params = project.params
    for trial in record.complete:
        config = project.model_config(record.model).with_parameters(trial.params)
        models = {record.model: config}
        changed = Project(project.root, params.model_copy(update={"models": models}))
        train(changed, record.model, runtime=choose_runtime(device=device), progress=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("project", type=Path)
    parser.add_argument("--model", default="vae")
    parser.add_argument("--trials", type=int, default=4)
    parser.add_argument("--epochs", type=int, help="in place of the model's")
    parser.add_argument("--device", default="auto")
    words = parser.parse_args()
    records: list[StudyRecord] = []
    moments: list[datetime] = []
    with tempfile.TemporaryDirectory() as folder:
        project = copy_project(words.project, Path(folder), words.model, words.epochs)
        search = {"trials": words.trials, "device": words.device, "progress": False}
        moments.append(datetime.now(UTC))
        tuned = cost(lambda: records.append(tune(project, words.model, **search)))
        moments.append(datetime.now(UTC))
        plain = cost(lambda: train_again(project, records[0], words.device))
    trials = records[0].complete
    training = sum(trial.seconds or 0.0 for trial in trials)
    scoring = sum(trial.score_seconds or 0.0 for trial in trials)
    before = min(trial.started - moments[0] for trial in trials if trial.started).total_seconds()
    after = min(moments[1] - trial.ended for trial in trials if trial.ended).total_seconds()
    between = tuned.seconds - training - scoring - before - after
    parts = {
        "training": training,
        "scores": scoring,
        "between trials": between,
        "before the first trial": before,
        "after the last one": after,
    }
    print(f"{len(trials)} trials of '{words.model}', one worker\n")
    print("| | s | share | processor s |\n|---|---|---|---|")
    print(
        f"| trained one after the other | {plain.seconds:.1f} | | {plain.processor_seconds:.1f} |"
    )
    print(f"| the study | {tuned.seconds:.1f} | 1 | {tuned.processor_seconds:.1f} |")
    for name, taken in parts.items():
        print(f"| - {name} | {taken:.1f} | {taken / tuned.seconds:.3f} | |")


if __name__ == "__main__":
    main()
