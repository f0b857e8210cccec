"""What a network is asked for, within what the training slices held."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mrigen.data.covariates import NUMBERS, WORDS, read_covariates
from mrigen.data.loader import TRAIN
from mrigen.data.store.slice_store import SliceStore
from mrigen.models.interfaces import Condition
from mrigen.seeds import rng

#: Values of conditions by name; a choice as its place.
Asked = dict[str, float]

_Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Known:
    """A condition of a network, and what is known of it in a store.

    Attributes
    ----------
    condition
        As the network lists it.
    values : (rows,)
        Of every slice, NaN where it is not known; choices as their places.
    low, high
        The smallest and the largest value of training slices that may be asked for.
    """

    condition: Condition
    values: _Numbers
    low: float
    high: float

    @property
    def name(self) -> str:
        """Of the condition."""
        return self.condition.name

    def spread(self, count: int) -> list[float]:
        """Return so many numbers at even distances from the smallest to the largest."""
        middle = (self.low + self.high) / 2
        return [middle] if count == 1 else np.linspace(self.low, self.high, count).tolist()


def known_conditions(conditions: Sequence[Condition], store: SliceStore) -> dict[str, Known]:
    """Return, by name, the conditions that are known of at least one training slice."""
    told = [each for each in conditions if each.name in (*NUMBERS, *WORDS)]
    values = read_covariates(store.manifest, told)
    training = store.positions(TRAIN)
    found = {}
    for each in told:
        numbers = values[each.name].astype(np.float64)
        inside = numbers[training]
        inside = inside[(inside >= each.minimum) & (inside <= each.maximum)]
        if len(inside):
            found[each.name] = Known(each, numbers, float(inside.min()), float(inside.max()))
    return found


def usual(known: Mapping[str, Known], seed: int) -> Asked:
    """Return what is asked for beside what is looked at: the same whenever the seed is.

    A number is in the middle of those of training slices, female and male take turns by the seed,
    and of the modalities T1w is asked for, or the first one.
    """
    asked = {}
    for name, each in known.items():
        choices = each.condition.choices
        if not choices:
            asked[name] = (each.low + each.high) / 2
        elif name == "modality":
            asked[name] = float(choices.index("T1w") if "T1w" in choices else 0)
        else:
            asked[name] = float(seed % len(choices))
    return asked


def at_random(known: Mapping[str, Known], count: int, *, seed: int) -> list[Asked]:
    """Return questions that are spread over all that training slices held, and independent.

    Parameters
    ----------
    known
        What to ask for.
    count
        How many questions.
    seed
        Of their values. Numbers are uniform between the smallest and the largest, one in each of
        `count` equal parts; every choice is asked for equally often.
    """
    columns = {}
    for name, each in known.items():
        stream = rng(seed, "asked", name)
        places = stream.permutation(count)
        if each.condition.choices:
            columns[name] = (places % len(each.condition.choices)).astype(np.float64)
        else:
            shares = (places + stream.random(count)) / count
            columns[name] = each.low + shares * (each.high - each.low)
    return [{name: float(values[i]) for name, values in columns.items()} for i in range(count)]
