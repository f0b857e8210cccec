"""Sheets of slices that were asked for: what changes with a condition, and what stays."""

from collections.abc import Mapping, Sequence

from mrigen.evaluation.case import Case
from mrigen.evaluation.conditions.drawing import draw
from mrigen.evaluation.conditions.questions import Asked, Known, usual
from mrigen.evaluation.config import ConditionsConfig
from mrigen.evaluation.figures import rows_figure
from mrigen.page.document import Picture

Question = tuple[int, Asked]  # a seed, and what else than usual is asked for


def draw_sheets(
    case: Case, settings: ConditionsConfig, known: Mapping[str, Known]
) -> dict[str, Picture]:
    """Draw ages over positions, positions over seeds, and choices over seeds.

    Parameters
    ----------
    case
        Of a sampler.
    settings
        How many lines and columns.
    known
        The conditions; a sheet whose condition is missing is left out.
    """
    pictures = {}
    if "age" in known and "position_mm" in known:
        pictures["conditions_ages"] = _ages(case, settings, known)
    if "position_mm" in known:
        pictures["conditions_positions"] = _positions(case, settings, known)
    for name, each in known.items():
        if len(each.condition.choices) > 1:
            pictures[f"conditions_{name}"] = _choices(case, settings, known, each)
    return pictures


def _ages(case: Case, settings: ConditionsConfig, known: Mapping[str, Known]) -> Picture:
    ages = known["age"].spread(settings.columns)
    positions = known["position_mm"].spread(settings.rows)[::-1]  # the top of the head on top
    sheet = [[(case.seed, {"age": a, "position_mm": p}) for a in ages] for p in positions]
    labels = [f"{position:.0f} mm" for position in positions]
    return Picture(
        "One seed at rising ages and other positions",
        "Each column is an age, each line a position along the head; the noise behind all slices "
        "is that of one seed, and so is whatever else can be asked for. Down a column there should "
        "be slices of one head, and along a line that head should grow older.",
        _figure(case, known, sheet, labels=labels, headings=[f"{age:.0f} years" for age in ages]),
    )


def _positions(case: Case, settings: ConditionsConfig, known: Mapping[str, Known]) -> Picture:
    positions = known["position_mm"].spread(settings.columns)
    seeds = range(case.seed, case.seed + settings.rows)
    sheet: list[list[Question]] = [[(s, {"position_mm": p}) for p in positions] for s in seeds]
    headings = [f"{position:.0f} mm" for position in positions]
    return Picture(
        "Several seeds at rising positions",
        "Each line is a seed, each column a position along the head. Down a column there should be "
        "different heads, cut at about the same place.",
        _figure(case, known, sheet, labels=[f"seed {s}" for s in seeds], headings=headings),
    )


def _choices(
    case: Case, settings: ConditionsConfig, known: Mapping[str, Known], chosen: Known
) -> Picture:
    choices = chosen.condition.choices
    seeds = range(case.seed, case.seed + settings.columns)
    sheet = [[(s, {chosen.name: float(place)}) for s in seeds] for place in range(len(choices))]
    return Picture(
        f"The same seeds for every {chosen.name}",
        f"Each column is a seed, each line what was asked for as {chosen.name}; down a column only "
        "that differs.",
        _figure(case, known, sheet, labels=choices, headings=[f"seed {s}" for s in seeds]),
    )


def _figure(
    case: Case,
    known: Mapping[str, Known],
    sheet: Sequence[Sequence[Question]],
    *,
    labels: Sequence[str],
    headings: Sequence[str],
) -> bytes:
    questions = [question for line in sheet for question in line]
    asked = [usual(known, seed) | told for seed, told in questions]
    images = draw(case, [seed for seed, _ in questions], asked)
    return rows_figure(images.reshape(len(labels), -1, *images.shape[1:]), labels, headings)
