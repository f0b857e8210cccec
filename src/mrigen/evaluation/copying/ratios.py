"""Two further numbers on copying, among features: authenticity, and train over test distance."""

import numpy as np

from mrigen.evaluation.copying.spaces import Found, Numbers, Space
from mrigen.evaluation.judgement import Judgement
from mrigen.metrics.intervals import Interval, mean_interval, percentile_ends
from mrigen.metrics.memorisation import (
    Groups,
    Labels,
    authentic,
    nearest,
)
from mrigen.seeds import rng

_TIMES = 500


def authenticity(seed: int, features: Space, train_of: Labels, test_of: Labels) -> Judgement:
    """Return the share of authentic slices, generated and real; see `authentic`."""
    judgement = Judgement()
    made = authentic(features.generated, features.train, train_of)
    real = authentic(features.test, features.train, train_of, own=test_of)
    images = [f"{image}" for image in range(len(made))]
    judgement.put("authenticity", mean_interval(made, images, seed=seed))
    judgement.metrics["authenticity_of_real"] = float(real.mean())
    return judgement


def distance_ratios(
    features: Space, found: Found, control: Found, test_of: Labels, *, seed: int
) -> Judgement:
    """Return the median distance to training slices over that to test slices.

    The training split has more subjects, so that its nearest slice is nearer by chance. How much
    is measured on real test slices, with as few training subjects as there are test subjects in
    place of all, and taken out of every ratio. A real test slice has one test subject fewer to
    be near to, its own; a generated one goes without each in turn. So a ratio of about 1 is that
    of somebody new, and 0 that of a copy.

    Parameters
    ----------
    features
        The space in which distances are taken.
    found, control
        What was found there of the generated and of the real test slices.
    test_of
        Whose each test slice is, of at least two subjects.
    seed
        Of the interval.
    """
    names = np.unique(test_of)
    without = names[np.arange(len(found.distances)) % len(names)]
    made = nearest(features.generated, features.test, exclude=Groups(without, test_of))
    real = nearest(features.test, features.test, exclude=Groups(test_of, test_of))
    # A slice that equals a test slice has no ratio.
    usable, usable_real = made.distances > 0, (real.distances > 0) & (control.distances > 0)
    if not usable.any() or not usable_real.any():
        return Judgement(
            remarks=[
                "Distances to training and to test slices were not compared: every slice equals a "
                "test slice of another subject. Check that slices differ."
            ]
        )
    chance = _of_more_subjects(control, len(names) - 1, usable_real)
    judgement = Judgement()
    ratios = chance * found.distances[usable] / made.distances[usable]
    judgement.put("copy_distance_ratio", _median_interval(ratios, seed))
    ratios = chance * control.distances[usable_real] / real.distances[usable_real]
    judgement.metrics["copy_distance_ratio_of_real"] = float(np.median(ratios))
    return judgement


def expected_nearest(distances: Numbers, *, drawn: int) -> Numbers:
    """Return the mean distance of the nearest group if only some groups were there.

    Parameters
    ----------
    distances : (n, G)
        Finite.
    drawn
        How many of the G groups are there, drawn without replacement; all draws are averaged.

    Returns
    -------
    (n,)
    """
    total = distances.shape[1]
    ordered = np.sort(distances, axis=1)
    # The j-th nearest is the nearest drawn if it is drawn and the j nearer ones are not.
    missing, weights = 1.0, np.zeros(total)
    for place in range(total - drawn + 1):
        left = total - place
        weights[place] = missing * drawn / left
        missing *= 1 - drawn / left
    return np.asarray(ordered @ weights, np.float64)


def _of_more_subjects(control: Found, wanted: int, rows: Labels) -> float:
    # In a leaking split a test slice's own subject is infinitely far: as many for every slice.
    finite = int(np.isfinite(control.people).sum(1).min())
    people = np.sort(control.people[rows], axis=1)[:, :finite]
    expected = expected_nearest(people, drawn=min(wanted, finite))
    return float(np.median(expected / control.distances[rows]))


def _median_interval(values: Numbers, seed: int) -> Interval:
    drawn = rng(seed, "median ratio").integers(len(values), size=(_TIMES, len(values)))
    return Interval(float(np.median(values)), *percentile_ends(np.median(values[drawn], axis=1)))
