"""One published file: gone on with where it broke off, and compared with its checksum."""

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import md5
from pathlib import Path

from mrigen.atomic import write_text
from mrigen.data.fetch.connection import Answer, BrokenOffError, UnreachableError, read, request
from mrigen.data.fetch.published import PublishedFile
from mrigen.errors import DataError

PAUSES_S = (1.0, 3.0, 9.0)
_CHUNK_BYTES = 2**20

Report = Callable[[int, int | None], None]


def download(
    file: PublishedFile,
    folder: Path,
    *,
    report: Report = lambda done, total: None,  # noqa: ARG005 - shows nothing
    pauses_s: Sequence[float] = PAUSES_S,
    copies: int = 1,
    needed: Sequence[PublishedFile] = (),
) -> Path:
    """Download a file to `<name>.part` in a folder, or go on where an earlier process stopped.

    Parameters
    ----------
    file
        What, from where.
    folder
        Where it goes.
    report
        Called with the bytes so far and in all; the latter None where the server does not say.
    pauses_s
        Seconds before each further attempt. An attempt that brought new bytes starts the row anew.
    copies
        How many times the file's size has to be free on the disk.
    needed
        All files that are missing, for the error; by default this one.

    Returns
    -------
    The file, checked; it keeps the ending `.part` for the caller to rename or remove.

    Raises
    ------
    DataError
        If no address can be reached, the disk is too small, or the file is not the expected one;
        such a file is removed.
    """
    reasons = []
    for address in file.addresses:
        part = _Part(file, address, folder / f"{file.name}.part", report, copies)
        try:
            _persist(part, pauses_s)
        except UnreachableError as reason:
            reasons.append(f"{address} ({reason})")
            continue
        try:
            check_file(
                *(part.path, file, f"'{file.name}' from {address}"),
                remedy="It was removed: run the command again",
            )
        except DataError:
            part.remove()
            raise
        part.label.unlink(missing_ok=True)
        return part.path
    elsewhere = " and ".join(other.addresses[0] for other in needed or (file,))
    raise DataError(
        f"cannot download {' or '.join(reasons)}: expected a network and a server that answers. "
        "Try again, which goes on where this stopped, or download by hand and put into "
        f"'{folder}': {elsewhere}"
    )


def check_file(path: Path, file: PublishedFile, what: str, *, remedy: str) -> None:
    """Compare a file with what is published.

    Parameters
    ----------
    path
        The file on disk.
    file
        Checksum or first bytes.
    what, remedy
        Begin and end of the error.

    Raises
    ------
    DataError
        If it is damaged or another file.
    """
    digest = md5(usedforsecurity=False)
    with path.open("rb") as stream:
        start = stream.read(len(file.signature))
        digest.update(start)
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    found = f"MD5 {digest.hexdigest()}" if file.md5 else f"the first bytes {start.hex() or 'none'}"
    if file.md5 not in {None, digest.hexdigest()} or start != file.signature:
        raise DataError(
            f"{what} has {found}: expected {file.md5 or file.signature.hex()}, as published. "
            f"{remedy}."
        )


@dataclass(frozen=True)
class _Part:
    """The bytes of one address so far, and beside them which version of the file they are of."""

    file: PublishedFile
    address: str
    path: Path
    report: Report
    copies: int

    @property
    def label(self) -> Path:
        return self.path.with_name(f"{self.path.name}.version")

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def version(self) -> str:
        """Return what `If-Range` takes; empty where there is nothing to go on with."""
        try:
            address, _, version = self.label.read_text(encoding="utf-8").partition("\n")
        except (OSError, UnicodeDecodeError):
            return ""
        return version if address == self.address else ""

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
        self.label.unlink(missing_ok=True)

    def attempt(self) -> None:
        """Bring the rest of the file, or all of it."""
        version = self.version()
        answer = request(self.address, start=self.size if version else 0, version=version)
        if answer is None:
            # The server has no more than is here: this is the file, or that one became shorter.
            try:
                check_file(self.path, self.file, self.file.name, remedy="")
            except DataError:
                self.remove()
                raise BrokenOffError("the file there became shorter") from None
            return
        with answer.body:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._check_room(answer)
            if answer.start == 0:
                self.remove()
                write_text(self.label, f"{self.address}\n{answer.version}")
            self._receive(answer)

    def _check_room(self, answer: Answer) -> None:
        if answer.total is None:
            return
        if answer.total > self.file.max_bytes:
            raise UnreachableError(
                f"it sends {answer.total:,} bytes, more than {self.file.max_bytes:,}"
            )
        free = shutil.disk_usage(self.path.parent).free
        needed = self.copies * answer.total - answer.start
        if free < needed:
            raise DataError(
                f"'{self.path.parent}' has {free / 1e9:.1f} GB free: expected {needed / 1e9:.1f} "
                f"GB for '{self.file.name}' and what is in it. Make room, or choose another folder "
                "with --out."
            )

    def _receive(self, answer: Answer) -> None:
        done = answer.start
        with self.path.open("ab" if done else "wb") as stream:
            self.report(done, answer.total)
            while chunk := read(answer, _CHUNK_BYTES):
                stream.write(chunk)
                done += len(chunk)
                self.report(done, answer.total)
                if done > self.file.max_bytes:
                    raise UnreachableError(f"it sends more than {self.file.max_bytes:,} bytes")
        if answer.total is not None and done < answer.total:
            raise BrokenOffError(f"broken off after {done:,} of {answer.total:,} bytes")


def _persist(part: _Part, pauses_s: Sequence[float]) -> None:
    left = list(pauses_s)
    while True:
        before = part.size
        try:
            return part.attempt()
        except BrokenOffError as reason:
            if part.size > before:
                left = list(pauses_s)
            if not left:
                raise UnreachableError(str(reason)) from None
            time.sleep(left.pop(0))
