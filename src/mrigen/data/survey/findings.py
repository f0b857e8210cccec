"""What a look at a folder found, and the lines of `params.yaml` that would read it."""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from shlex import quote
from typing import Any

from mrigen.data.scans import LeftOut
from mrigen.data.sources import SourceConfig
from mrigen.data.survey.intensities import PERCENTILES
from mrigen.data.survey.measure import FileMeasures, ScanMeasures
from mrigen.errors import DataError

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*", re.ASCII)
_TAKEN = {
    word
    for text in ("true", "false", "null", "yes", "no", "on", "off", "y", "n")
    for word in (text, text.title(), text.upper())
}


@dataclass(frozen=True)
class Findings:
    """What was found in a folder or a file.

    Attributes
    ----------
    place
        As it was asked for.
    recognised
        What it was taken for, and why.
    cohort
        Scans, files, subjects, modalities, sites, sexes and the range of the ages.
    files
        Those that can be used.
    left_out
        Those that cannot, with the reason.
    remarks
        What is worth knowing.
    advice
        Lines that make the project read this folder.
    quick
        Only headers were read.
    """

    place: str
    recognised: str
    cohort: dict[str, Any]
    files: tuple[FileMeasures, ...]
    left_out: tuple[LeftOut, ...]
    remarks: tuple[str, ...]
    advice: tuple[str, ...]
    quick: bool

    def require_usable(self) -> None:
        """Raise a `DataError` with the first reason if no file can be used."""
        if self.files:
            return
        why = f": the first because {self.left_out[0].reason}" if self.left_out else "."
        count = len(self.left_out)
        left_out = f"{count} file{'s are' if count != 1 else ' is'} left out"
        raise DataError(f"nothing in '{self.place}' can be used, {left_out}{why}")

    def to_json(self) -> str:
        """Return everything as one JSON object of ASCII letters."""
        values = {
            "place": self.place,
            "recognised": self.recognised,
            "cohort": self.cohort,
            "files": [_file_values(file) for file in self.files],
            "left_out": [asdict(entry) for entry in self.left_out],
            "remarks": self.remarks,
            "params": self.advice,
            "headers_only": self.quick,
        }
        return json.dumps(values, indent=2)


def source_name(folder: str) -> str:
    """Return a key for `sources:` that resembles the name of a folder.

    Examples
    --------
    >>> source_name("IXI-T1 (copy)"), source_name("2024")
    ('ixi_t1_copy', 'cohort_2024')
    """
    name = re.sub(r"[^a-z0-9]+", "_", folder.lower()).strip("_")
    return name[:60] if name[:1].isalpha() else f"cohort_{name}".rstrip("_")[:60]


def params_lines(name: str, config: SourceConfig, folder: Path, project: Path) -> tuple[str, ...]:
    """Return the lines of `params.yaml` that read a folder; outside the project, with a link."""
    options = config.model_dump(mode="json", exclude_defaults=True) | {"layout": config.layout}
    lines = ["sources:", f"  {name}:"]
    try:
        place = folder.relative_to(project.absolute()).as_posix()
    except ValueError:
        place = f"data/{name}"
        lines.insert(0, f"# the folder lies elsewhere: ln -s {quote(str(folder))} {place}")
    ordered = {"layout": config.layout, "path": place} | {
        key: value for key, value in options.items() if key not in ("layout", "path")
    }
    return (*lines, *(f"    {key}: {_yaml(value)}" for key, value in ordered.items()))


def _yaml(value: object) -> str:
    # JSON is YAML; only words that cannot be taken for anything else go without quotes.
    plain = isinstance(value, str) and _PLAIN.fullmatch(value) and value not in _TAKEN
    return str(value) if plain else json.dumps(value)


def _file_values(file: FileMeasures) -> dict[str, Any]:
    return {**asdict(file.facts), "scans": [_scan_values(scan) for scan in file.scans]}


def _scan_values(scan: ScanMeasures) -> dict[str, Any]:
    found = scan.intensities
    shares = (f"{share:g}" for share in PERCENTILES)
    return {
        "modality": scan.modality,
        "channel": scan.channel,
        "minimum": found.minimum,
        "percentiles": dict(zip(shares, found.percentiles, strict=True)),
        "maximum": found.maximum,
        "zero_fraction": found.zero_fraction,
        "nonfinite": scan.nonfinite,
    }
