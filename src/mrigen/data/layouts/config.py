"""Where one cohort lies and how it is laid out."""

import re
from pathlib import PurePosixPath
from string import Formatter
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from mrigen.config import Config
from mrigen.data.records import Plane
from mrigen.data.scans import Modality

Layout = Literal["ixi", "decathlon", "bids", "folder", "pictures"]

# Options that not every layout has.
_OPTIONS: dict[str, tuple[Layout, ...]] = {
    "masks": ("ixi", "decathlon", "bids", "folder"),
    "labels": ("ixi", "decathlon", "bids", "folder"),
    "unlabelled": ("ixi", "decathlon", "bids", "folder"),
    "files": ("folder", "pictures"),
    "recursive": ("folder",),
    "subject": ("folder", "pictures"),
    "table": ("folder", "pictures"),
    "modality": ("folder", "pictures"),
    "plane": ("pictures",),
}
_GROUPS: dict[str, tuple[str, ...]] = {
    "folder": ("subject", "site", "split"),
    "pictures": ("subject", "site", "split", "index"),
}
_PLACEHOLDERS = ("stem", "subject")


class SourceConfig(Config):
    r"""One cohort.

    Attributes
    ----------
    layout
        "ixi": files named `<SUBJECT>-<SITE>-<NUMBER>-T1.nii.gz` in the folder or in its
        `IXI-T1`, with `IXI.csv` or `IXI.xls` beside them; "decathlon": a `dataset.json` that
        names files with one channel per modality; "bids": `sub-*/[ses-*/]anat/*_T1w.nii.gz` and
        `participants.tsv`; "folder": any NIfTI files; "pictures": PNG or JPEG slices.
    path
        The folder, relative to the project, with forward slashes.
    max_voxels
        The most voxels a file may declare; larger ones are left out unread.
    follow_links
        Also read what symbolic links outside both the folder and the project point to.
    masks, labels
        Where the brain mask and the label map of a scan lie: a path relative to the folder, with
        `{stem}` for the scan's name without its ending, `{subject}` for its subject, and `*`.
        None has none, except for the labels of the layout "decathlon", which `dataset.json` names.
    unlabelled
        Also take scans without a label map: the cases under `test` of a `dataset.json`, or those
        for which `labels` finds none.
    files
        Which files are the cohort's: a path relative to the folder with `*`, which stands for any
        letters, slashes too.
    recursive
        Look into the folders below as well; pictures always are.
    subject
        Regular expression that finds the named group `subject` in a path relative to the folder,
        such as `(?P<subject>\d+)_t1`, and the groups `site` and `split` where there are such;
        of a picture also `index`, its slice number. None takes each file's stem for its subject.
    table
        CSV or TSV file of the persons, relative to the folder.
    modality
        What all files show.
    plane
        What all pictures show.
    licence
        Under which the cohort may be used, for model cards.
    """

    layout: Layout
    path: str = Field(min_length=1)
    max_voxels: int = Field(default=2**28, ge=1)
    follow_links: bool = False
    masks: str | None = None
    labels: str | None = None
    unlabelled: bool = False
    files: str = Field(default="*", min_length=1)
    recursive: bool = True
    subject: str | None = None
    table: str | None = None
    modality: Modality = "T1w"
    plane: Plane | None = None
    licence: str | None = Field(default=None, min_length=1)

    @field_validator("path", "masks", "labels", "table")
    @classmethod
    def _inside(cls, path: str | None) -> str | None:
        if path is None:
            return None
        if not path or PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
            raise ValueError(
                "a path inside its folder, relative to it, with forward slashes; it may be a link"
            )
        return path

    @field_validator("masks", "labels")
    @classmethod
    def _placeholders(cls, pattern: str | None) -> str | None:
        try:
            fields = [part[1:] for part in Formatter().parse(pattern or "") if part[1] is not None]
        except ValueError:
            fields = [("", None, None)]
        if any(field not in [(name, "", None) for name in _PLACEHOLDERS] for field in fields):
            raise ValueError("no other braces than those of {stem} and {subject}")
        if pattern is not None and "**" in pattern:
            raise ValueError("one * for a part of a name, and no **")
        return pattern

    @model_validator(mode="after")
    def _options(self) -> Self:
        for name, layouts in _OPTIONS.items():
            default = type(self).model_fields[name].default
            if self.layout not in layouts and getattr(self, name) != default:
                kinds = " or ".join(f"'{layout}'" for layout in layouts)
                raise ValueError(f"no key '{name}', which belongs to the layout {kinds}")
        if self.unlabelled and self.layout != "decathlon" and self.labels is None:
            raise ValueError("a key 'labels' beside 'unlabelled', or the layout 'decathlon'")
        if self.layout == "pictures":
            for name in ("subject", "plane"):
                if getattr(self, name) is None:
                    raise ValueError(f"a key '{name}', as the layout is 'pictures'")
        if self.subject is not None:
            _check_pattern(self.subject, _GROUPS[self.layout])
        return self


def _check_pattern(pattern: str, groups: tuple[str, ...]) -> None:
    try:
        named = re.compile(pattern).groupindex
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"a regular expression as 'subject', and it is none ({error})") from None
    if "subject" not in named or not set(named) <= set(groups):
        listed = ", ".join(f"'{group}'" for group in groups[1:])
        raise ValueError(
            f"a 'subject' with the group (?P<subject>...), and others only of {listed}"
        )
