"""What `bench` measured, as a table for people and one for spreadsheets."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mrigen.stages.bench_device import DeviceFigures

_Cell = Callable[[DeviceFigures, Mapping[str, float]], str]
_NONE = "-"
_FILE_WIDTH = 160


def bench_table(devices: Sequence[DeviceFigures]) -> Table:
    """Return a table with a column per device; a star marks what was extrapolated."""
    table = Table()
    table.add_column("")
    for figures in devices:
        table.add_column(Text(figures.device), justify="right", overflow="fold")
    for name, cell in _ROWS.items():
        cells = [Text(cell(each, each.measured | each.extrapolated)) for each in devices]
        if any(str(text) != _NONE for text in cells):
            table.add_row(Text(name), *cells)
    return table


def origin(devices: Sequence[DeviceFigures]) -> str:
    """Say what the starred rows are extrapolated from."""
    first = devices[0]
    return (
        f"* extrapolated from {first.steps_timed} of {first.steps_per_epoch:,} steps of an epoch "
        f"and a part of its validation, for {first.epochs:,} epochs"
    )


def print_table(title: str, devices: Sequence[DeviceFigures]) -> None:
    """Print title, table and origin to standard output, at full width where it is a file."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=_FILE_WIDTH)
    console.print(Text(title), bench_table(devices), Text(origin(devices)), sep="\n")


def csv_table(devices: Sequence[DeviceFigures]) -> str:
    """Return a line per device: facts, then what was measured, then what was extrapolated."""
    rows = [_flat(figures) for figures in devices]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(name for row in rows for name in row)))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def duration(seconds: float) -> str:
    """Return seconds as people say them.

    Examples
    --------
    >>> duration(0.034), duration(75), duration(3_700), duration(200_000)
    ('0.034 s', '1 min 15 s', '1 h 1 min', '2 d 7 h')
    """
    if seconds < 59.95:
        return f"{seconds:.2g} s" if seconds < 1 else f"{seconds:.1f} s"
    seconds = round(seconds)
    for size, smaller, names in ((86_400, 3_600, "d h"), (3_600, 60, "h min"), (60, 1, "min s")):
        if seconds >= size:
            large, small = names.split()
            return f"{int(seconds // size)} {large} {int(seconds % size // smaller)} {small}"
    raise AssertionError(seconds)


def _flat(figures: DeviceFigures) -> dict[str, object]:
    row = asdict(figures)
    measured, extrapolated = row.pop("measured"), row.pop("extrapolated")
    return {**row, **measured, **extrapolated}


def _number(name: str, form: str = ",.1f", unit: str = "") -> _Cell:
    return lambda _, numbers: f"{numbers[name]:{form}}{unit}" if name in numbers else _NONE


def _steps(_: DeviceFigures, numbers: Mapping[str, float]) -> str:
    middle, low, high = (numbers[f"train_step_ms{end}"] for end in ("", "_fastest", "_slowest"))
    return f"{middle:,.1f} ({low:,.1f} to {high:,.1f})"


def _energy(figures: DeviceFigures, numbers: Mapping[str, float]) -> str:
    if "watts" not in numbers:
        return figures.energy
    return f"{numbers['joules_per_image']:.3g} J, {numbers['watts']:.0f} W: {figures.energy}"


_ROWS: dict[str, _Cell] = {
    "chip": lambda figures, _: figures.chip,
    "threads, precision": lambda figures, _: f"{figures.threads}, {figures.precision}",
    "batch size, loader processes": lambda figures, _: f"{figures.batch_size}, {figures.workers}",
    "training, images/s": _number("train_images_per_second"),
    "training, ms a step": _steps,
    "training without loading, images/s": _number("constant_batch_images_per_second"),
    "sampling, images/s": _number("sample_images_per_second"),
    "restoring, images/s": _number("restore_images_per_second"),
    "an epoch*": lambda _, numbers: duration(numbers["seconds_per_epoch"]),
    "the whole training*": lambda _, numbers: duration(numbers["seconds_of_training"]),
    "most memory": lambda figures, numbers: (
        f"{numbers['peak_memory_gib']:.2f} GiB {figures.memory}"
    ),
    "energy of an image": _energy,
    "energy of the training*": _number("kilowatt_hours_of_training", ",.3f", " kWh"),
    "torch": lambda figures, _: figures.torch_version,
}
