"""Scans that are in a cohort twice: under two names they could be trained on and tested on."""

from hashlib import sha256
from itertools import compress
from pathlib import PurePosixPath

import numpy as np

from mrigen.data.records import Pixels, ScanSlices, SliceRecord
from mrigen.data.scans import LeftOut

# Less of a picture than this is the edge of a head, which another head may share.
_SHOWS_SOMEBODY = 0.05


class Copies:
    """Remembers the pictures of every scan by digests, and tells when one comes again.

    One picture is enough: a table may take other slices of a copy. Channels of one file are no
    copies, and neither are pictures of a single grey value, which show nobody.
    """

    def __init__(self) -> None:
        self._seen: dict[bytes, SliceRecord] = {}

    def find(self, scan: ScanSlices) -> LeftOut | None:
        """Return why a scan cannot be used; None, and remember it, if it is new."""
        if not scan.records or scan.pixels.min() == scan.pixels.max():
            return None
        record, digests = scan.records[0], _digests(scan.pixels)
        for first in filter(None, map(self._seen.get, digests)):
            if first.path != record.path:
                return LeftOut(record.path, _reason(record, first))
        for digest in digests:
            self._seen.setdefault(digest, record)
        return None


def _digests(pixels: Pixels) -> list[bytes]:
    """Digest all pictures of a scan together, then each that shows somebody."""
    digests = [sha256(picture).digest() for picture in np.ascontiguousarray(pixels)]
    above = pixels > pixels.min(axis=(1, 2), keepdims=True)
    shows = above.mean(axis=(1, 2)) > _SHOWS_SOMEBODY
    return [sha256(b"".join(digests)).digest(), *compress(digests, shows)]


def _reason(record: SliceRecord, first: SliceRecord) -> str:
    name, other = PurePosixPath(record.path).name, PurePosixPath(first.path).name
    if record.subject == first.subject:
        return (
            f"scan '{name}' gives the same pictures as '{other}' of the same subject "
            f"'{record.subject}': expected different images. Remove one of the two."
        )
    return (
        f"scan '{name}' of subject '{record.subject}' gives the same pictures as '{other}' of "
        f"subject '{first.subject}': expected one person under one name. Find out whose head it "
        "is and remove the other file."
    )
