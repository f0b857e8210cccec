"""Scans that are in a cohort twice: under two names they could be trained on and tested on."""

from hashlib import sha256
from pathlib import PurePosixPath

from mrigen.data.records import ScanSlices, SliceRecord
from mrigen.data.scans import LeftOut


class Copies:
    """Remembers the pictures of every scan by a digest, and tells when they come again.

    Channels of one file are no copies, and neither are pictures of a single grey value, which
    show nobody.
    """

    def __init__(self) -> None:
        self._seen: dict[bytes, SliceRecord] = {}

    def find(self, scan: ScanSlices) -> LeftOut | None:
        """Return why a scan cannot be used; None, and remember it, if it is new."""
        if not scan.records or scan.pixels.min() == scan.pixels.max():
            return None
        record = scan.records[0]
        first = self._seen.setdefault(sha256(scan.pixels.tobytes()).digest(), record)
        if first.path == record.path:
            return None
        return LeftOut(record.path, _reason(record, first))


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
