"""What a slice store says of its cohort: grey values scan by scan, people split by split."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from mrigen.data.splits.config import SPLITS
from mrigen.data.store.slice_store import SliceStore
from mrigen.data.survey.people import Person, make_person
from mrigen.data.survey.summary import PIXEL_BINS, PixelHistogram


def pixel_histograms(store: SliceStore) -> Iterator[PixelHistogram]:
    """Count the pixels of each scan in a store; one scan is read at a time."""
    groups = store.manifest.groupby(["path", "modality"], sort=True).indices
    for key, rows in cast("Mapping[tuple[str, str], npt.NDArray[np.int64]]", groups).items():
        pixels = store.read(rows)
        counts = np.bincount(pixels.ravel(), minlength=2**store.bits)
        counts[0] = 0
        shares = counts.reshape(PIXEL_BINS, -1).sum(axis=1) / max(int(counts.sum()), 1)
        site = _text(store.manifest["site"].iloc[rows[0]])
        yield PixelHistogram(modality=key[1], site=site, shares=shares)


def people_by_split(manifest: pd.DataFrame) -> dict[str, list[Person]]:
    """Return the subjects of each split of a manifest, each once."""
    people: dict[str, list[Person]] = {split: [] for split in SPLITS}
    for row in manifest.drop_duplicates(["split", "subject"]).to_dict("records"):
        age = None if pd.isna(row["age"]) else float(row["age"])
        words = (_text(row[name]) for name in ("sex", "ethnicity", "site"))
        people[str(row["split"])].append(make_person(age, *words))
    return people


def _text(value: Any) -> str | None:
    return None if pd.isna(value) else str(value)
