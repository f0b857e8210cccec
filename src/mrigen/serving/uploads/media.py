"""Which kinds of files may be sent, and under which media types."""

from fastapi import HTTPException

from mrigen.data.uploads.recognise import Kind, recognise
from mrigen.errors import DataError, shown

# By the type that a client names; without one, what the file is decides.
ACCEPTED: dict[str, frozenset[Kind]] = {
    "image/png": frozenset({"png"}),
    "application/x-npz": frozenset({"npz"}),
    "application/x-nifti": frozenset({"nifti"}),
    "application/gzip": frozenset({"nifti"}),
    "application/octet-stream": frozenset({"png", "npz", "nifti"}),
}


def check_media_type(declared: str | None) -> frozenset[Kind]:
    """Return the kinds of files that a `Content-Type` may mean.

    Raises
    ------
    HTTPException
        415 if it is none of `ACCEPTED`.
    """
    if declared is None:
        return ACCEPTED["application/octet-stream"]
    kinds = ACCEPTED.get(declared.partition(";")[0].strip().lower())
    if kinds is None:
        raise HTTPException(
            415, f"the Content-Type is {shown(declared)}: expected one of {', '.join(ACCEPTED)}."
        )
    return kinds


def check_kind(content: bytes, kinds: frozenset[Kind], declared: str | None) -> Kind:
    """Return what a file is by its first bytes.

    Raises
    ------
    HTTPException
        415 if it is none of those, or another than its type says.
    """
    try:
        kind = recognise(content)
    except DataError as error:
        raise HTTPException(415, str(error)) from None
    if kind not in kinds:
        raise HTTPException(
            415,
            f"the file begins as {kind} does, and the Content-Type is {shown(declared)}: expected "
            "both to agree. Correct the type, or use application/octet-stream.",
        )
    return kind
