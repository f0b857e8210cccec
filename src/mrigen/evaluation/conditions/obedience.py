"""Reading from generated slices what was asked for, as from real slices what is known."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mrigen.data.loader import TEST, TRAIN
from mrigen.evaluation.case import Case
from mrigen.evaluation.conditions.drawing import draw
from mrigen.evaluation.conditions.line import fit_line
from mrigen.evaluation.conditions.questions import Known, at_random
from mrigen.evaluation.config import ConditionsConfig
from mrigen.evaluation.feature_cache import features_of
from mrigen.evaluation.judgement import Judgement, Row, Table
from mrigen.evaluation.latent.readout import LEAST_SUBJECTS, regress
from mrigen.evaluation.latent.readout import Known as Told
from mrigen.metrics.classification import balanced_mean_interval
from mrigen.metrics.intervals import Interval, mean_interval

_Numbers = npt.NDArray[np.float64]


class Read(NamedTuple):
    """What was read from slices, beside what it should have been.

    Attributes
    ----------
    truth, found : (N,)
        Numbers, or the places of choices.
    owners : (N,)
        Who is resampled: subjects, or generated images.
    """

    truth: _Numbers
    found: _Numbers
    owners: npt.NDArray[np.object_]


class Reading(NamedTuple):
    """One condition read from generated slices and from real test slices."""

    known: Known
    generated: Read
    real: Read


def read_back(
    case: Case, settings: ConditionsConfig, known: Mapping[str, Known]
) -> tuple[list[Reading], list[str]]:
    """Read every condition from slices that were drawn at random conditions, and from test slices.

    Parameters
    ----------
    case
        Of a network with conditions.
    settings
        How much is drawn and learned from.
    known
        The conditions.

    Returns
    -------
    readings
        Of the conditions that can be read.
    remarks
        Why others were not.

    Notes
    -----
    The readers are ridge regressions from the features of the main extractor, learned from real
    training slices; for choices there is one for each against the others. What they get wrong in
    real test slices is theirs, so only what they get wrong beyond it is the network's.
    """
    problems = {name: _find_problem(case, each) for name, each in known.items()}
    remarks = [
        f"Whether '{name}' is drawn as asked was not read back: {problem}."
        for name, problem in problems.items()
        if problem is not None
    ]
    readable = [each for name, each in known.items() if problems[name] is None]
    if not readable:
        return [], remarks
    asked = at_random(known, settings.images, seed=case.seed)
    drawn = draw(case, range(case.seed, case.seed + settings.images), asked)
    seen = features_of(drawn, case.extractor).double().numpy()
    rows = {
        TRAIN: case.rows(TRAIN, settings.train_slices),
        TEST: case.rows(TEST, case.config.slices),
    }
    features = {
        split: case.real_features(chosen).double().numpy() for split, chosen in rows.items()
    }
    names = np.array([f"image {place}" for place in range(settings.images)], object)
    readings = []
    for each in readable:
        train, test = (
            Told(
                features[split], each.values[rows[split]], case.subjects(rows[split])
            ).where_known()
            for split in (TRAIN, TEST)
        )
        found = _learn_and_read(each, train, np.concatenate([seen, test.codes]))
        truth = np.array([question[each.name] for question in asked])
        generated = Read(truth, found[: len(truth)], names)
        real = Read(test.values, found[len(truth) :], test.subjects)
        readings.append(Reading(each, generated, real))
    return readings, remarks


def judge_readings(readings: Iterable[Reading], *, seed: int) -> Judgement:
    """Return errors, slopes and correlations, of generated slices beside real ones."""
    judgement, lines = Judgement(), list[Row]()
    for reading in readings:
        both = [_measures(reading.known, each, seed) for each in (reading.generated, reading.real)]
        for (name, generated), real in zip(both[0].items(), both[1].values(), strict=True):
            key = f"{reading.known.name}/{name}"
            if name == "asked_slope":  # neither direction is better: its ends are in the table
                judgement.metrics[key] = generated.value
            else:
                judgement.put(key, generated)
            judgement.metrics[f"{key}_of_real"] = real.value
            lines.append(_line(reading.known, name, generated, real))
    if lines:
        judgement.tables["conditions_read"] = Table(
            "What was asked, read back",
            "Readers that learned from real training slices say what they see in slices that "
            "were drawn at random conditions, and in real test slices. 'error' is the mean "
            "absolute difference to what was asked (or is known), in the unit of the condition; "
            "'slope' how much of a step in what was asked they see, 'correlation' how well it "
            "orders what they see; 'accuracy' how often they see the choice that was asked for, "
            "every choice counting the same. A network that does as it is asked is read as real "
            "slices are, not without error: a regression that sees little draws towards the "
            "mean, which makes slopes small. Intervals of 95 % are over generated images and "
            "over test subjects; 'guess' is what always the same answer would score.",
            list(lines[0]),
            lines,
        )
    return judgement


def _find_problem(case: Case, known: Known) -> str | None:
    if known.low == known.high:
        return "it is the same for all training slices"
    for split, words in ((TRAIN, "training"), (TEST, "test")):
        rows = case.rows(split)
        values = known.values[rows]
        told = ~np.isnan(values)
        count = len(set(case.subjects(rows[told])))
        if count < LEAST_SUBJECTS:
            return (
                f"it is known of {count} subjects of the {words} split, expected at least "
                f"{LEAST_SUBJECTS}"
            )
        missing = set(range(len(known.condition.choices))) - set(values[told].astype(int).tolist())
        if missing:
            return f"no slice of the {words} split is '{known.condition.choices[min(missing)]}'"
    return None


def _learn_and_read(known: Known, train: Told, codes: _Numbers) -> _Numbers:
    choices = len(known.condition.choices)
    if not choices:
        return regress(train, np.ones(len(train.values)), codes)
    counts = np.bincount(train.values.astype(int), minlength=choices)
    scores = []
    for place in range(choices):
        itself = train.values == place
        # Either side weighs the same; of a choice that the even rows skipped, nothing is learned.
        weights = np.where(itself, 0.5 / max(counts[place], 1), 0.5 / max((~itself).sum(), 1))
        one = train._replace(values=np.where(itself, 1.0, -1.0))
        scores.append(regress(one, weights * len(itself), codes))
    return np.asarray(np.argmax(scores, 0), np.float64)


def _measures(known: Known, read: Read, seed: int) -> dict[str, Interval]:
    if known.condition.choices:
        hits, labels = read.found == read.truth, read.truth.astype(int)
        return {"asked_accuracy": balanced_mean_interval(hits, labels, read.owners, seed=seed)}
    line = fit_line(read.truth, read.found, read.owners, seed=seed)
    error = mean_interval(np.abs(read.found - read.truth), read.owners, seed=seed)
    return {"asked_error": error, "asked_slope": line.slope, "asked_correlation": line.correlation}


def _line(known: Known, name: str, generated: Interval, real: Interval) -> Row:
    measure = name.removeprefix("asked_")
    guesses = {"error": (known.high - known.low) / 4, "slope": 0.0, "correlation": 0.0}
    choices = len(known.condition.choices)
    return {
        "condition": known.name,
        "measure": measure,
        "unit": known.condition.unit if measure == "error" else None,
        "generated": generated.value,
        "low": generated.low,
        "high": generated.high,
        "real": real.value,
        "real_low": real.low,
        "real_high": real.high,
        "guess": 1 / choices if choices else guesses[measure],
    }
