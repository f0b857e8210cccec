"""ZIP files made piece by piece: the same content gives the same bytes."""

import math
import zipfile
from collections.abc import Mapping
from io import BytesIO
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import numpy as np
import numpy.typing as npt

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date a zip file can hold
_UNIX = 3

# Bytes of ZIP's records: an entry's head without its name, the checksum and sizes after it, how
# much longer its line in the list at the end is than its head, the end, and what is added for
# large files.
_HEAD, _CHECKSUM, _LISTED_MORE, _END = 30, 16, 16, 22
_LARGE_CHECKSUM, _LARGE_SIZES, _LARGE_END = 24, 20, 76


class _Outbox(BytesIO):
    """What was written and not taken yet, with places counted from the start of the file."""

    def __init__(self) -> None:
        super().__init__()
        self._sent = 0

    def tell(self) -> int:
        return self._sent + super().tell()

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._sent + super().seek(offset - (0 if whence else self._sent), whence)

    def taken(self) -> bytes:
        """Return what is there and forget it."""
        content = self.getvalue()
        self._sent += len(content)
        super().seek(0)
        self.truncate()
        return content


class _Archive(ZipFile):
    """A ZIP file that is forgotten, not completed, when it is left unfinished."""

    def __del__(self) -> None:
        pass


class FileArchive:
    """A ZIP of files that are whole when they are added, so that every entry knows its length."""

    def __init__(self) -> None:
        self._outbox = _Outbox()
        self._archive = _Archive(self._outbox, "w", ZIP_STORED)

    def add(self, name: str, content: bytes) -> None:
        """Add a file."""
        self._archive.writestr(_entry(name, len(content)), content)

    def taken(self) -> bytes:
        """Return what has been made since the last time."""
        return self._outbox.taken()

    def finish(self) -> bytes:
        """Return the rest."""
        self._archive.close()
        return self._outbox.taken()


class _Stream(_Outbox):
    """An outbox that cannot go back to what may have been taken already."""

    def seek(self, offset: int, whence: int = 0) -> int:  # noqa: ARG002 - the parent's signature
        raise OSError("a stream has no places")


class ArrayArchive:
    """A NumPy archive, the last array of which comes in pieces.

    Its checksum is known when its last piece is, so it follows the data, as ZIP allows.

    Parameters
    ----------
    before
        The other arrays, by name.
    name, shape
        Of the last array, float32.

    Attributes
    ----------
    size
        Bytes of the whole file.
    """

    def __init__(
        self, before: Mapping[str, npt.NDArray[np.generic]], name: str, shape: tuple[int, ...]
    ) -> None:
        self._outbox = _Stream()
        self._archive = _Archive(self._outbox, "w", ZIP_STORED)
        arrays = {key: _npy_header(array.dtype, array.shape) for key, array in before.items()}
        contents = {key: head + before[key].tobytes() for key, head in arrays.items()}
        start = _npy_header(np.dtype("<f4"), shape)
        sizes = {key: len(content) for key, content in contents.items()}
        sizes[name] = len(start) + 4 * math.prod(shape)
        self.size = _archive_size(sizes)
        for key, content in contents.items():
            self._archive.writestr(_entry(f"{key}.npy", sizes[key]), content)
        self._member = self._archive.open(_entry(f"{name}.npy", sizes[name]), "w")
        self._member.write(start)

    def add(self, values: npt.NDArray[np.float32]) -> bytes:
        """Take the next values of the last array; return what can be sent."""
        self._member.write(values.astype("<f4", copy=False).tobytes())
        return self._outbox.taken()

    def finish(self) -> bytes:
        """Return the rest."""
        self._member.close()
        self._archive.close()
        return self._outbox.taken()


def _entry(name: str, size: int) -> ZipInfo:
    entry = ZipInfo(name, _EPOCH)
    # Without the length the archive would be one for small files, and fail at a large one's end.
    entry.file_size, entry.create_system = size, _UNIX
    return entry


def _npy_header(dtype: np.dtype[np.generic], shape: tuple[int, ...]) -> bytes:
    buffer = BytesIO()
    described = {"descr": dtype.str, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(buffer, described)
    return buffer.getvalue()


def _archive_size(sizes: Mapping[str, int]) -> int:
    """Return the bytes of an archive of arrays whose checksums follow them.

    ZIP's numbers have four bytes; Python writes eight for what is over 2 GiB. Only the last
    array can be that large, so the places of all of them are small numbers.
    """
    content = listed = 0
    for name, size in sizes.items():
        head = _HEAD + len(f"{name}.npy".encode())
        content += head + size + _CHECKSUM
        listed += head + _LISTED_MORE
        if size * 1.05 > zipfile.ZIP64_LIMIT:  # what `ZipFile.open` takes for possibly large
            content += _LARGE_SIZES + _LARGE_CHECKSUM - _CHECKSUM
        if size > zipfile.ZIP64_LIMIT:
            listed += _LARGE_SIZES
    return content + listed + _END + (_LARGE_END if content > zipfile.ZIP64_LIMIT else 0)
