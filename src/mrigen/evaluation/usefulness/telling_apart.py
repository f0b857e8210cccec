"""Whether a classifier can tell generated slices from real ones."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mrigen.data.loader import TEST, TRAIN
from mrigen.evaluation.case import Case
from mrigen.evaluation.config import UsefulnessConfig
from mrigen.evaluation.drawing import generate
from mrigen.evaluation.usefulness.classifier import (
    MIRRORED,
    Examples,
    Training,
    answer,
    build_classifier,
    classify,
    train_classifier,
)
from mrigen.evaluation.usefulness.kept import kept_classifier
from mrigen.evaluation.usefulness.trials import Trial
from mrigen.images import to_uint8
from mrigen.seeds import rng, torch_seed

_TASK = "real or generated"
_CLASSES = ("real", "generated")
_FLOOR_CLASSES = ("real, one half", "real, other half")

Pixels = npt.NDArray[np.uint8]
Rows = npt.NDArray[np.int64]


class Apart(NamedTuple):
    """What came of telling real from generated slices.

    Attributes
    ----------
    trial
        On real test slices and generated ones that nothing was learned from.
    generated : (N, 1, H, W) uint8
        Those generated slices.
    realness : (N,)
        How probably each is real, to the classifiers.
    """

    trial: Trial
    generated: Pixels
    realness: npt.NDArray[np.float64]


def tell_apart(case: Case, settings: UsefulnessConfig, made: Pixels) -> Apart:
    """Learn to tell real training slices from generated ones; ask about others of both.

    Parameters
    ----------
    case, settings
        What is judged, and how.
    made : (N, 1, H, W) uint8
        Generated slices: as many to learn from as there are training slices in use, and after
        them as many to be asked about as there are test slices.

    References
    ----------
    Lopez-Paz and Oquab 2017, doi:10.48550/arXiv.1610.06545
    """
    train, test = apart_rows(case, settings)
    learned, asked = made[: len(train)], made[len(train) : len(train) + len(test)]
    examples = _pair(_pixels(case, train), learned)
    questions = _pair(_pixels(case, test), asked)
    probabilities = [
        classify(train_classifier(examples, classes=2, training=training), questions.images)
        for training in _trainings(case, settings)
    ]
    subjects = [*case.subjects(test), *(f"generated {number}" for number in range(len(asked)))]
    trial = Trial(
        *(_TASK, _CLASSES, "real and generated", len(train), len(learned), questions.labels),
        *(np.stack([each.argmax(1) for each in probabilities]), np.array(subjects, object)),
        len(set(case.subjects(test))),
    )
    return Apart(trial, asked, np.mean(probabilities, 0)[len(test) :, 0])


def tell_real_apart(case: Case, settings: UsefulnessConfig) -> Trial | str:
    """Do the same with real people in place of generated slices: what chance alone would give.

    Half of the training subjects stand for generated slices in training, and half of the test
    subjects in the questions. Nothing but chance tells the halves apart, so that the expected
    accuracy is 0.5; how far a classifier strays from it shows how few the subjects are.
    """
    train, test = apart_rows(case, settings)
    halves = [_halves(case, rows) for rows in (train, test)]
    if not all(len(half) for pair in halves for half in pair):
        return (
            "How far chance tells real people apart was not measured: expected at least two "
            "training and two test subjects."
        )
    size = case.store.read(train[:1]).shape[-1]
    questions = _pair(*(_pixels(case, half) for half in halves[1]))

    def learn(training: Training) -> npt.NDArray[np.int64]:
        network = kept_classifier(
            case.cache / "classifiers",
            (_FLOOR_CLASSES, case.store.fingerprint, settings.images, *training),
            build_classifier(2, size, seed=training.seed).to(case.device),
            train=lambda: train_classifier(
                _pair(*(_pixels(case, half) for half in halves[0])), classes=2, training=training
            ),
        )
        return answer(network, questions.images)

    answers = [learn(training) for training in _trainings(case, settings)]
    return Trial(
        *("real or real", _FLOOR_CLASSES, "two halves of the subjects", len(train), 0),
        *(questions.labels, np.stack(answers), case.subjects(np.concatenate(halves[1]))),
        len(set(case.subjects(test))),
    )


def apart_rows(case: Case, settings: UsefulnessConfig) -> tuple[Rows, Rows]:
    """Return the rows of the real slices to learn from and to be asked about."""
    return case.rows(TRAIN, settings.images), case.rows(TEST, case.config.slices)


def draw_pixels(case: Case, count: int) -> Pixels:
    """Return generated images, image `i` drawn from `seed + i`, also beyond those of `samples`."""
    sampler, ready = case.sampler, min(count, case.config.samples)
    assert sampler is not None
    parts = [to_uint8(case.generated(ready))]
    rest = generate(sampler, case.store, count - ready, seed=case.seed + ready)
    return np.concatenate([*parts, *map(to_uint8, rest)])


def _trainings(case: Case, settings: UsefulnessConfig) -> list[Training]:
    seeds = (torch_seed(case.seed, "told apart", repeat) for repeat in range(settings.repeats))
    return [Training(settings.steps, MIRRORED, seed, case.device) for seed in seeds]


def _halves(case: Case, rows: Rows) -> tuple[Rows, Rows]:
    subjects = case.subjects(rows)
    names = np.unique(subjects.astype(str))
    first = rng(case.seed, "halves").permutation(names)[: len(names) // 2]
    chosen = np.isin(subjects.astype(str), first)
    return rows[chosen], rows[~chosen]


def _pixels(case: Case, rows: Rows) -> Pixels:
    return to_uint8(case.images(rows))


def _pair(first: Pixels, second: Pixels) -> Examples:
    labels = np.repeat(np.arange(2), [len(first), len(second)])
    return Examples(np.concatenate([first, second]), labels)
