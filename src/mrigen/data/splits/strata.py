"""Dealing people out so that every group of a kind gives its share."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from mrigen.data.splits.config import Split, SplitConfig
from mrigen.data.splits.people import Person

Label = TypeVar("Label", int, Split)
Stratum = tuple[str, ...]

UNKNOWN, OTHER = "unknown", "other"


def stratum_of(person: Person, config: SplitConfig) -> Stratum:
    """Return the traits by which a person is stratified, in the order of `config.stratify`."""
    return tuple(_trait(person, trait, config) for trait in config.stratify)


def _trait(person: Person, trait: str, config: SplitConfig) -> str:
    if trait == "age_group":
        return age_group(person.age, config.age_edges)
    value: str | None = getattr(person, trait)
    if value is None:
        return UNKNOWN
    if trait == "ethnicity" and config.ethnicities and value not in config.ethnicities:
        return OTHER
    return value


def age_group(age: float | None, edges: Sequence[float]) -> str:
    """Return the words for an age's group; an age on an edge belongs to the older group.

    Examples
    --------
    >>> [age_group(age, (25, 65)) for age in (24.9, 25, 70, None)]
    ['under 25', '25 to 65', '65 and over', 'unknown']
    """
    if age is None:
        return UNKNOWN
    group = bisect_right(edges, age)
    if group == 0:
        return f"under {edges[0]:g}"
    if group == len(edges):
        return f"{edges[-1]:g} and over"
    return f"{edges[group - 1]:g} to {edges[group]:g}"


def deal(
    people: Sequence[Person],
    counts: Mapping[Label, int],
    *,
    stratum: Callable[[Person], Stratum],
    rank: Callable[[Person], float],
) -> dict[str, Label]:
    """Deal people out so that the counts are met exactly and each stratum gives its share.

    Strata are laid end to end and the labels spread evenly over them, so what one stratum is too
    small to give its neighbour gives. A stratum's number of any label differs from its share by
    less than 2, and so does that of strata that are neighbours, such as one age group. Within a
    stratum, rank alone decides.

    Parameters
    ----------
    people
        Whose keys differ.
    counts
        How many people get each label; they sum to the number of people.

    Returns
    -------
    labels
        By the key of the person.
    """
    strata: dict[Stratum, list[Person]] = {}
    for person in people:
        strata.setdefault(stratum(person), []).append(person)
    order = spread(counts)
    dealt: dict[str, Label] = {}
    start = 0
    for name in sorted(strata):
        group = sorted(strata[name], key=lambda person: (rank(person), person.key))
        quota = Counter(order[start : start + len(group)])
        start += len(group)
        hand = [label for label in counts for _ in range(quota[label])]
        dealt.update(zip((person.key for person in group), hand, strict=True))
    return dealt


def spread(counts: Mapping[Label, int]) -> list[Label]:
    """Return a sequence with so many of each label, spread as evenly as can be.

    In every beginning of it, the number of a label differs from its share by at most
    1 - 1 / (2 * labels - 2).

    References
    ----------
    R. Tijdeman, "The chairman assignment problem", Discrete Mathematics 32 (1980),
    doi:10.1016/0012-365X(80)90269-1.
    """
    total, twice = sum(counts.values()), 2 * max(2, len(counts)) - 2
    given = dict.fromkeys(counts, 0)
    order = []
    for place in range(1, total + 1):
        # In whole numbers: what each label lacks here, times the total and `twice`.
        lacks = {
            label: (count * place - given[label] * total) * twice for label, count in counts.items()
        }
        ready = [label for label in counts if counts[label] and lacks[label] >= total]
        # The one that has to come soonest, not to fall too far behind.
        soonest = min(ready, key=lambda label: ((twice - 1) * total - lacks[label]) / counts[label])
        given[soonest] += 1
        order.append(soonest)
    return order
