"""What a classifier learns from real slices, from generated ones, and from both."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mrigen.data.loader import TEST, TRAIN
from mrigen.evaluation.case import Case, spread_over
from mrigen.evaluation.config import Task, UsefulnessConfig
from mrigen.evaluation.usefulness.classifier import (
    LIGHT,
    Classifier,
    Examples,
    Labels,
    Training,
    answer,
    build_classifier,
    train_classifier,
)
from mrigen.evaluation.usefulness.kept import kept_classifier
from mrigen.evaluation.usefulness.labels import (
    UNKNOWN,
    Labelling,
    Subjects,
    find_problem,
    label_generated,
    label_slices,
    told_labels,
)
from mrigen.images import to_uint8
from mrigen.metrics.classification import balanced_mean_interval, confusion
from mrigen.metrics.intervals import Interval
from mrigen.seeds import torch_seed

Pixels = npt.NDArray[np.uint8]


class Trial(NamedTuple):
    """What classifiers that differ in their seeds alone said of the same test slices.

    Attributes
    ----------
    task
        What they were asked.
    classes
        The names of the answers.
    trained_on
        What they learned from.
    real, generated
        How many slices of each kind that was.
    truth : (N,) int64
        The right answers.
    answers : (R, N) int64
        Theirs, one row per classifier.
    subjects : (N,)
        Whose slice it is; a generated one is nobody else's.
    people
        How many real test subjects there are.
    """

    task: str
    classes: tuple[str, ...]
    trained_on: str
    real: int
    generated: int
    truth: Labels
    answers: Labels
    subjects: Subjects
    people: int

    @property
    def hits(self) -> npt.NDArray[np.float64]:
        """The share of the classifiers that were right, for each slice."""
        return np.asarray((self.answers == self.truth).mean(0), np.float64)

    def confusion(self) -> npt.NDArray[np.float64]:
        """Return slices by true class and answer, the mean over the classifiers."""
        counts = [confusion(self.truth, row, classes=len(self.classes)) for row in self.answers]
        return np.asarray(np.mean(counts, 0), np.float64)

    def score(self, seed: int) -> Interval:
        """Return the balanced accuracy with its interval over subjects."""
        return balanced_mean_interval(self.hits, self.truth, self.subjects, seed=seed)

    def gain(self, other: "Trial", seed: int) -> Interval:
        """Return by how much the balanced accuracy is above another's on the same slices."""
        differences = self.hits - other.hits
        return balanced_mean_interval(differences, self.truth, self.subjects, seed=seed)


class Lesson(NamedTuple):
    """One task, and the slices of the two splits that are used for it.

    Attributes
    ----------
    told
        What the network was told of as many generated slices as there are training slices.
    """

    task: Task
    classes: tuple[str, ...]
    train: Examples
    test: Examples
    test_subjects: Subjects
    told: Labels


def read_lesson(case: Case, settings: UsefulnessConfig, task: Task) -> Lesson | str:
    """Read the slices of a task, or say why it cannot be learned and judged."""
    labelling = label_slices(case.store.manifest, task, age_groups=settings.age_groups)
    train = _known_rows(case, TRAIN, labelling, settings.images)
    test = _known_rows(case, TEST, labelling, case.config.slices)
    people = {
        split: (labelling.labels[rows], case.subjects(rows))
        for split, rows in ((TRAIN, train), (TEST, test))
    }
    problem = find_problem(task, labelling, people)
    if problem is not None:
        return problem
    known = [Examples(to_uint8(case.images(r)), labelling.labels[r]) for r in (train, test)]
    told = told_labels(task, labelling, case.generated_rows(len(train)), case.condition_names)
    return Lesson(task, labelling.classes, known[0], known[1], case.subjects(test), told)


def real_classifier(
    case: Case, settings: UsefulnessConfig, lesson: Lesson, repeat: int
) -> Classifier:
    """Return the classifier that learned from real slices; kept for all models of a dataset."""
    training = training_of(case, settings, lesson.task, repeat)
    classes, size = len(lesson.classes), lesson.train.images.shape[-1]
    words = (
        case.store.fingerprint,
        *training,
        settings.images,
        settings.age_groups,
        *lesson.classes,
    )
    return kept_classifier(
        case.cache / "classifiers",
        words,
        build_classifier(classes, size, seed=training.seed).to(case.device),
        train=lambda: train_classifier(lesson.train, classes=classes, training=training),
    )


def try_task(
    case: Case, settings: UsefulnessConfig, lesson: Lesson, made: Pixels
) -> tuple[list[Trial], list[str]]:
    """Train on real slices, on generated ones, and on both; ask about real test slices.

    Parameters
    ----------
    case, settings, lesson
        What is learned, and how.
    made : (N, 1, H, W) uint8
        Generated slices, as many as `lesson.train` has.

    Returns
    -------
    trials
        Trained on "real", "synthetic" and "both"; without "synthetic" where no generated slice
        has the label of some class.
    remarks
        Why one is missing.
    """
    count = len(lesson.train.labels)
    sizes = {"real": (count, 0), "synthetic": (0, count), "both": (count, count)}
    learned = [_learn(case, settings, lesson, made, repeat) for repeat in range(settings.repeats)]
    trials, remarks = [], []
    for name, (real, generated) in sizes.items():
        networks = [each[name] for each in learned if name in each]
        if len(networks) < settings.repeats:
            remarks.append(
                f"Nothing was learned for '{lesson.task}' from generated slices alone: none of "
                "them has the label of one of the classes."
            )
            continue
        answers = [answer(network, lesson.test.images) for network in networks]
        trial = Trial(
            *(lesson.task, lesson.classes, name, real, generated),
            *(lesson.test.labels, np.stack(answers), lesson.test_subjects),
            len(set(lesson.test_subjects)),
        )
        trials.append(trial)
    return trials, remarks


def _learn(
    case: Case, settings: UsefulnessConfig, lesson: Lesson, made: Pixels, repeat: int
) -> dict[str, Classifier]:
    classes, training = len(lesson.classes), training_of(case, settings, lesson.task, repeat)
    teacher = real_classifier(case, settings, lesson, repeat)
    synthetic = Examples(made, label_generated(made, teacher, lesson.told))
    learned = {"real": teacher}
    if len(np.unique(synthetic.labels)) == classes:
        learned["synthetic"] = train_classifier(synthetic, classes=classes, training=training)
    both = lesson.train.joined(synthetic)
    learned["both"] = train_classifier(both, classes=classes, training=training)
    return learned


def training_of(case: Case, settings: UsefulnessConfig, task: str, repeat: int) -> Training:
    """Return how a classifier is trained: the same way, whatever it learns from."""
    seed = torch_seed(case.seed, "usefulness", task, repeat)
    return Training(settings.steps, LIGHT, seed, case.device)


def _known_rows(case: Case, split: str, labelling: Labelling, limit: int) -> npt.NDArray[np.int64]:
    rows = case.rows(split)
    return spread_over(rows[labelling.labels[rows] != UNKNOWN], limit)
