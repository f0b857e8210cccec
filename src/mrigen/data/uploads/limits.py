"""How much an upload may unpack to, whatever its own size is."""

from collections.abc import Sequence
from math import prod

from mrigen.errors import DataError

# Weights of resampling are made for a whole side at a time; no scanner's slice is longer.
MAX_SIDE = 4096
MAX_SLICES = 1024


class TooLargeError(DataError):
    """An upload declares more than a server takes."""


def check_amount(what: str, shape: Sequence[int], max_pixels: int) -> None:
    """Check the sizes that a file declares.

    Parameters
    ----------
    what
        The file, for the error.
    shape
        Lengths of its axes.
    max_pixels
        The most pixels that it may have in all.

    Raises
    ------
    TooLargeError
        If there are too many pixels, or too many in one line.
    """
    sizes = " x ".join(str(length) for length in shape)
    if max(shape) > MAX_SIDE:
        raise TooLargeError(
            f"{what} declares {sizes} pixels: expected at most {MAX_SIDE} along each side. Send a "
            "smaller one."
        )
    if prod(shape) > max_pixels:
        raise TooLargeError(
            f"{what} declares {sizes} pixels: expected at most {max_pixels} in all. Send a smaller "
            "one, or send it in parts."
        )


def check_count(what: str, count: int, size: int, max_pixels: int) -> None:
    """Check how many slices a network is to be asked for.

    Parameters
    ----------
    what
        The file, for the error.
    count
        Its slices.
    size
        Pixels along each side of a slice for the network.
    max_pixels
        The most pixels that all of them may have there.

    Raises
    ------
    TooLargeError
        If there are too many.
    """
    most = max(1, min(MAX_SLICES, max_pixels // size**2))
    if count > most:
        raise TooLargeError(
            f"{what} has {count} slices: expected at most {most}. Send it in parts."
        )
