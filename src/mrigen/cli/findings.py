"""What `mrigen data check` found, as tables on a terminal and as plain lines elsewhere.

Names and tables come from disks and downloads: what they hold is shown as letters, never obeyed.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mrigen.errors import printable

if TYPE_CHECKING:
    from mrigen.data.survey.findings import Findings
    from mrigen.data.survey.remarks import Group

# Up to this many files each has its own line; more are grouped by how they are stored.
_SINGLE = 12
_EXAMPLES = 2
_COLUMNS = ("files", "axes", "shape", "voxel, mm", "numbers", "intensities", "names")


def show_findings(findings: "Findings", console: Console | None = None) -> None:
    """Print the findings on standard output."""
    console = console or Console(highlight=False, markup=False, emoji=False)
    for part in _parts(findings):
        if isinstance(part, str):
            console.print(Text(printable(part)), soft_wrap=True)
        elif console.is_terminal:
            console.print(_table(part))
        else:
            for line in _aligned(part):
                console.print(Text(line.rstrip()), soft_wrap=True)


def _parts(findings: "Findings") -> Iterator[str | list[Sequence[str]]]:
    yield f"{findings.place}: {findings.recognised}"
    yield from _cohort(findings.cohort)
    if findings.files:
        yield ""
        yield _rows(findings)
    if findings.left_out:
        yield ""
        yield f"left out ({len(findings.left_out)}):"
        yield from (f"  {entry.path}: {entry.reason}" for entry in findings.left_out)
    if findings.remarks:
        yield ""
        yield "worth knowing:"
        yield from (f"  - {remark}" for remark in findings.remarks)
    if findings.quick:
        yield ""
        yield "only headers were read: without --quick, files that are cut off are found, too"
    if findings.files:
        yield ""
        yield "for params.yaml:"
        yield from findings.advice


def _cohort(cohort: dict[str, Any]) -> Iterator[str]:
    yield f"  subjects: {cohort['subjects']}, files: {cohort['files']}, scans: {cohort['scans']}"
    for label, key in (
        ("modalities (scans)", "modalities"),
        ("sites (subjects)", "sites"),
        ("sexes (subjects)", "sexes"),
        ("ethnicities (subjects)", "ethnicities"),
    ):
        if set(cohort[key]) - {"unknown"}:
            counts = ", ".join(f"{name} {count}" for name, count in cohort[key].items())
            yield f"  {label}: {counts}"
    age = cohort["age"]
    if age is None:
        yield "  ages: unknown"
    else:
        known = f"known of {age['known']} subjects"
        yield f"  ages: {age['min']:.1f} to {age['max']:.1f} years, {known}"


def _rows(findings: "Findings") -> list[Sequence[str]]:
    from mrigen.data.survey.remarks import Group, group_files

    files = findings.files
    groups = (
        [Group(file.facts, (file,)) for file in files]
        if len(files) <= _SINGLE
        else group_files(files)
    )
    return [_COLUMNS, *(tuple(printable(cell) for cell in _row(group)) for group in groups)]


def _row(group: "Group") -> tuple[str, ...]:
    facts, found = group.facts, group.intensity_range
    names = [file.facts.path.rpartition("/")[2] for file in group.files]
    more = len(names) - _EXAMPLES
    shape = " x ".join(map(str, facts.shape))
    return (
        str(len(names)),
        facts.orientation or "-",
        shape if facts.channels is None else f"{shape}, {facts.channels} channels",
        " x ".join(f"{size:.4g}" for size in facts.spacing_mm) if facts.spacing_mm else "-",
        facts.dtype or "-",
        f"{found[0]:.6g} to {found[1]:.6g}" if found else "-",
        ", ".join(names[:_EXAMPLES]) + (f" and {more} more" if more > 0 else ""),
    )


def _table(rows: list[Sequence[str]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in rows[0]:
        table.add_column(name, justify="right" if name == "files" else "left", overflow="fold")
    for row in rows[1:]:
        table.add_row(*(Text(cell) for cell in row))
    return table


def _aligned(rows: list[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
