"""What `flow_comparison.py` says in the end: a table, ratios, a file of numbers and a picture."""

import json
import platform
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from flow_contenders import RIVALS, STUDIED
from flow_judging import judge
from flow_results import COMPARISON, Results
from flow_table import Row, Standing, in_words, plain, standing, table, write_sheet
from flow_training import Bench

from mrigen.atomic import write_text
from mrigen.data.loader import TEST

_SPARE = 0.05  # of the budget: a training that is farther off is remarked


class Ratio(NamedTuple):
    """How one way to draw stands against the best of others, which are called so."""

    label: str
    against: str
    standing: Standing


def judged_rows(
    bench: Bench, results: Results, names: Iterable[str], protocol: dict[str, Any]
) -> list[Row]:
    """Judge every contender that has a result under a protocol, in each of its ways to draw.

    Results of another protocol do not compare with these, and are said to be left out.
    """
    found = []
    for name in names:
        result = results.find(name)
        if result is None:
            continue
        if result.protocol != protocol:
            print(
                f"{name} is left out: its result is of {_other(result.protocol, protocol)}. Train "
                "it again here, or look at it with what it was trained with."
            )
            continue
        for way in result.draw_seconds or [""]:
            judged = {} if result.failure else judge(bench, results.images(name, way))
            found.append(Row(name, way, result, judged))
    return found


def report(bench: Bench, results: Results, rows: list[Row], *, peers: Sequence[str]) -> None:
    """Print the table and the ratios, and write them and a sheet of samples."""
    budget = bench.budget
    print(f"{budget.seconds:g} s each by the {budget.clock} clock of {budget.cores} cores\n")
    print(table(rows), end="\n\n")
    found = ratios(rows, peers)
    for ratio in found:
        print(in_words(*ratio))
    for row in rows:
        if not row.way and not row.result.failure and _is_off(row.result.seconds, budget.seconds):
            print(
                f"{row.name} took {row.result.seconds:.1f} s, more than a twentieth off the budget."
            )
    written = {
        "protocol": rows[0].result.protocol if rows else None,
        "machine": [bench.runtime.device_name, platform.platform()],
        "ratios": [
            {"contender": ratio.label, "against": ratio.against, **ratio.standing._asdict()}
            for ratio in found
        ],
        "contenders": {row.label: _written(row) for row in rows},
    }
    path = results.folder / f"{COMPARISON}.json"
    write_text(path, json.dumps(written, indent=2) + "\n")
    _write_sheet(bench, results, rows)


def ratios(rows: Iterable[Row], peers: Sequence[str]) -> list[Ratio]:
    """Hold every way of `flow` to draw against the best rival, the best of the study, and peer."""
    values = {
        row.label: {name: each.value for name, each in row.numbers.items()}
        for row in rows
        if row.numbers
    }
    found = []
    for names in (RIVALS, tuple(STUDIED), tuple(peers)):
        others = {name: values[name] for name in names if name in values}
        called = ", ".join(others)
        if others:
            found += [
                Ratio(label, called, standing(numbers, others))
                for label, numbers in values.items()
                if label.startswith("flow")
            ]
    return found


def _other(found: dict[str, Any], wanted: dict[str, Any]) -> str:
    differing = sorted(key for key in {*found, *wanted} if found.get(key) != wanted.get(key))
    return " and ".join(f"another '{key}'" for key in differing)


def _is_off(seconds: float, budget: float) -> bool:
    return abs(seconds / budget - 1) > _SPARE


def _written(row: Row) -> dict[str, Any]:
    result = row.result
    return {
        "numbers": plain(row.numbers),
        "seconds": result.seconds,
        "images": result.images,
        "parameters": result.parameters,
        "draw_seconds": result.draw_seconds.get(row.way),
        "details": result.details,
        "failure": result.failure,
        "commit": result.commit,
        "recipe": result.recipe,
    }


def _write_sheet(bench: Bench, results: Results, rows: Iterable[Row]) -> None:
    test = bench.store.positions(TEST)
    drawn = {"real, test": bench.store.read(test)[:, None]}
    drawn |= {row.label: results.images(row.name, row.way) for row in rows if row.numbers}
    write_sheet(results.folder / "samples.png", drawn)
