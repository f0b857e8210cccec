"""Figures of who is in a cohort, how the files are stored, and who is in which split."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.ticker import MaxNLocator

from mrigen.data.survey.canvas import (
    COLOURS,
    add_legend,
    draw_bars,
    literal,
    name_axes,
    new_figure,
    to_png,
)
from mrigen.data.survey.people import UNKNOWN, Person, count_values, known_ages

_SEXES = ("female", "male", UNKNOWN)
_YEARS = 5
# More bars than these are hard to read; the rest shares one.
_MOST_BARS = 12


def ages_figure(people: Sequence[Person]) -> bytes:
    """Draw a histogram of the ages that are known, at least one, stacked by sex."""
    figure, (axes,) = new_figure(1, 1, panel=(6.4, 3.2))
    aged = {
        name: known_ages(person for person in people if (person.sex or UNKNOWN) == name)
        for name in _SEXES
    }
    names = [name for name in _SEXES if aged[name]]
    ages = [aged[name] for name in names]
    labels = [f"{name} ({len(part)})" for name, part in zip(names, ages, strict=True)]
    colours = [COLOURS[_SEXES.index(name)] for name in names]
    axes.hist(
        ages,
        bins=_age_edges(people, _YEARS),
        stacked=True,
        label=labels,
        color=colours,
        edgecolor="white",
    )
    axes.margins(y=0.25)
    axes.autoscale()
    name_axes(axes, "", x="age, years", y="subjects")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    add_legend(axes)
    return to_png(figure)


def counts_figure(counts: Mapping[str, int], *, of: str) -> bytes:
    """Draw counts by name as bars; names beyond a dozen share one.

    Parameters
    ----------
    counts
        In the order of the bars, from the top.
    of
        What is counted.
    """
    shown = _shorten(counts)
    figure, (axes,) = new_figure(1, 1, panel=(4.6, 0.7 + 0.27 * max(len(shown), 2)))
    draw_bars(axes, list(shown), list(shown.values()))
    name_axes(axes, "", x=of, y="")
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    return to_png(figure)


def splits_figure(splits: Mapping[str, Sequence[Person]]) -> bytes:
    """Draw ages and sexes of the splits side by side, as shares, since splits differ in size."""
    figure, (ages, sexes) = new_figure(1, 2)
    everybody = [person for people in splits.values() for person in people]
    edges = _age_edges(everybody, 2 * _YEARS)
    names = list(count_values(person.sex for person in everybody))
    width = 0.8 / len(splits)
    for place, (split, people) in enumerate(splits.items()):
        known = known_ages(people)
        if known:
            weights = np.full(len(known), 100 / len(known))
            ages.hist(
                known, bins=edges, weights=weights, histtype="step", linewidth=1.6,
                label=f"{split} ({len(known)})", color=COLOURS[place],
            )  # fmt: skip
        counts = count_values(person.sex for person in people)
        shares = [100 * counts.get(name, 0) / max(len(people), 1) for name in names]
        offset = (place - (len(splits) - 1) / 2) * width
        sexes.bar(np.arange(len(names)) + offset, shares, width, label=split, color=COLOURS[place])
    if not known_ages(everybody):
        ages.text(0.5, 0.5, "no age is known", ha="center", transform=ages.transAxes, fontsize=9)
    sexes.set_xticks(range(len(names)), [literal(name) for name in names])
    name_axes(ages, "Ages (subjects with a known age)", x="age, years", y="subjects, %")
    name_axes(sexes, "Sexes", x="", y="subjects, %")
    for axes in (ages, sexes):
        axes.margins(y=0.3)
        axes.autoscale()
        add_legend(axes)
    return to_png(figure)


def _age_edges(people: Sequence[Person], years: int) -> list[float]:
    ages = known_ages(people) or [0.0]
    first, last = min(ages) // years, max(ages) // years + 1
    return [float(place * years) for place in range(int(first), int(last) + 1)]


def _shorten(counts: Mapping[str, int]) -> dict[str, int]:
    names = list(counts)
    if len(names) <= _MOST_BARS:
        return dict(counts)
    rest = names[_MOST_BARS - 1 :]
    kept = {name: counts[name] for name in names[: _MOST_BARS - 1]}
    return kept | {f"{len(rest)} others": sum(counts[name] for name in rest)}
