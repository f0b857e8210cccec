"""What a classifier is to learn of each slice, and what generated slices are taken for."""

from collections.abc import Collection, Mapping
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from mrigen.data.loader import TRAIN
from mrigen.evaluation.config import Task
from mrigen.evaluation.usefulness.classifier import Classifier, Labels, answer

Subjects = npt.NDArray[np.object_]

#: Of a slice of which the answer is not known.
UNKNOWN = -1

#: Of each class, to learn from and to be judged by.
LEAST_SUBJECTS = 2

_UNLABELLED = {
    "tumour": "no slice says whether it shows a tumour (only datasets cut with 'labels: true' do)",
    "sex": "the sex of no subject is known",
    "age_group": "the age of no training subject is known",
}


# The condition that holds the answer. No manifest says of a generated slice that it shows a tumour.
_CONDITIONS = {"sex": "sex", "age_group": "age"}


class Labelling(NamedTuple):
    """The answers of one task for every row of a manifest.

    Attributes
    ----------
    classes
        Their names, in the order of their numbers.
    labels : (rows,) int64
        The class of each row, or `UNKNOWN`.
    """

    classes: tuple[str, ...]
    labels: Labels


def label_slices(manifest: pd.DataFrame, task: Task, *, age_groups: int) -> Labelling:
    """Read the answers of a task from a manifest.

    Parameters
    ----------
    manifest
        With a row per slice.
    task
        "tumour": whether the slice shows any; "sex" and "age_group": of its subject.
    age_groups
        Groups of equally many training subjects. No age of other subjects is looked at.
    """
    if task == "tumour":
        share = manifest["label_fraction"].to_numpy(np.float64)
        return Labelling(("no tumour", "tumour"), _known(share > 0, ~np.isnan(share)))
    if task == "sex":
        sex = manifest["sex"]
        return Labelling(("female", "male"), _known(sex == "m", sex.isin(["f", "m"])))
    return _age_groups(manifest, age_groups)


def find_problem(
    task: Task, labelling: Labelling, people: Mapping[str, tuple[Labels, Subjects]]
) -> str | None:
    """Say in a sentence why a task cannot be learned and judged; None where it can.

    Parameters
    ----------
    task, labelling
        What is to be learned.
    people
        By split, the classes and the subjects of the slices that are used.
    """
    start = f"What generated slices are worth for '{task}' was not measured: "
    if (labelling.labels == UNKNOWN).all():
        return start + f"{_UNLABELLED[task]}."
    for split, (labels, subjects) in people.items():
        for label, name in enumerate(labelling.classes):
            if (count := len(set(subjects[labels == label]))) < LEAST_SUBJECTS:
                return (
                    f"{start}subjects of '{name}' in the {split} split: {count}, expected at "
                    f"least {LEAST_SUBJECTS}."
                )
    return None


def told_labels(
    task: Task,
    labelling: Labelling,
    rows: npt.NDArray[np.int64],
    conditions: Collection[str],
) -> Labels:
    """Return what a network was told of the answer when it drew each slice.

    Parameters
    ----------
    task, labelling
        What is to be learned.
    rows
        The training slice that each generated one was to be like.
    conditions
        Names of what the network was told of it.

    Returns
    -------
    (len(rows),) int64
        `UNKNOWN` where it was told nothing.
    """
    if _CONDITIONS.get(task) in conditions:
        return labelling.labels[rows]
    return np.full(len(rows), UNKNOWN)


def label_generated(images: npt.NDArray[np.uint8], teacher: Classifier, told: Labels) -> Labels:
    """Label generated slices.

    Parameters
    ----------
    images : (N, 1, H, W) uint8
    teacher
        A classifier of real slices.
    told : (N,) int64
        As of `told_labels`.

    Returns
    -------
    (N,) int64
        What the network was told; where that is nothing, what the teacher takes a slice for.
    """
    return np.where(told == UNKNOWN, answer(teacher, images), told)


def _age_groups(manifest: pd.DataFrame, count: int) -> Labelling:
    ages = manifest["age"].to_numpy(np.float64)
    training = manifest.loc[manifest["split"] == TRAIN]
    known = training.drop_duplicates("subject")["age"].dropna().to_numpy(np.float64)
    if not len(known):
        return Labelling(("any age",) * count, np.full(len(ages), UNKNOWN))
    limits = np.quantile(known, np.arange(1, count) / count)
    groups = np.searchsorted(limits, ages, side="right")
    below = [f"below {limits[0]:.1f} years"]
    between = [f"{a:.1f} to {b:.1f} years" for a, b in pairwise(limits)]
    names = (*below, *between, f"{limits[-1]:.1f} years or more")
    return Labelling(names, _known(groups, ~np.isnan(ages)))


def _known(labels: npt.ArrayLike, known: npt.ArrayLike) -> Labels:
    return np.where(np.asarray(known, bool), np.asarray(labels, np.int64), UNKNOWN)
