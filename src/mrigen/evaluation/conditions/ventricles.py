"""The ventricles of an axial T1 slice: how much dark fluid lies in the middle of the head."""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

#: Side of the window of positions in which ventricles are measured.
WINDOW_MM = 24.0

_LIT = 0.1  # of the brightest tissue: darker is air
_BRIGHTEST = 98  # percentile of a slice
# The middle of the head, as shares of half its width and half its length: lateral ventricles lie
# in it, the fluid between the brain and the skull does not.
_ACROSS, _ALONG = 0.45, 0.6
_WHITE_MATTER = 75  # percentile of that middle: most of it is white matter
_INSIDE = 0.5  # of a piece: of what joins the fluid around the brain, less lies in the middle
# Halfway from white matter to fluid, which on T1 has about a fifth of its brightness.
_DARK = 0.6

_Floats = npt.NDArray[np.floating]
_Mask = npt.NDArray[np.bool_]


def ventricle_areas(images: _Floats, pixel_mm2: _Floats | float) -> npt.NDArray[np.float64]:
    """Measure the ventricles of axial T1 slices.

    Parameters
    ----------
    images : (N, H, W) in [0, 1]
    pixel_mm2 : (N,) or a number
        Area of a pixel.

    Returns
    -------
    (N,) in mm2

    See Also
    --------
    ventricle_mask : What is measured.
    """
    pixels = np.array([ventricle_mask(image).sum() for image in images], np.float64)
    return pixels * pixel_mm2


def ventricle_mask(image: _Floats) -> _Mask:
    """Return which pixels of an axial T1 slice are ventricle.

    These are the pixels darker than 0.6 of the white matter (the upper quartile of the middle of
    the head), in connected pieces that come near its mid-line and lie in the middle of the head at
    least by half, which the clefts that begin at the skull do not; what of them lies outside the
    middle is not counted. The middle is the box of 0.45 times the width and 0.6 times the length
    of the head around its centre, and near the mid-line is half the width of that box.

    Parameters
    ----------
    image : (H, W) in [0, 1]

    Returns
    -------
    (H, W) bool
        Empty where there is no head.

    Notes
    -----
    It is an area for comparing slices, not a segmentation: other fluid that lies by itself in the
    middle of the head, such as a cistern or the third ventricle, belongs to it, and halves of
    thin ventricles that pixels mix with tissue do not. Both levels come from the slice, so
    neither brightness nor shading from slice to slice matters.
    """
    middle = _middle(image, _ACROSS)
    if not middle.any():
        return middle
    pieces, count = ndimage.label(image < _DARK * _white_matter(image[middle]))
    inside, all_of_it = (
        np.bincount(pieces[where], minlength=count + 1) for where in (middle, middle | True)
    )
    kept = np.zeros(count + 1, bool)
    kept[np.unique(pieces[_middle(image, _ACROSS / 2)])] = True
    kept &= inside >= _INSIDE * all_of_it
    kept[0] = False  # what is not dark
    found: _Mask = kept[pieces] & middle
    return found


def graininess(images: _Floats) -> npt.NDArray[np.float64]:
    """Return how much single pixels differ from those around them, in the middle of the head.

    In noise there are dark pixels as well, and they are no ventricles.

    Parameters
    ----------
    images : (N, H, W) in [0, 1]

    Returns
    -------
    (N,)
        Mean absolute difference from the median of 3 x 3 pixels, in units of white matter; 0 where
        there is no head.
    """
    return np.array([_graininess(image) for image in images], np.float64)


def find_window(positions: _Floats, areas: _Floats) -> tuple[float, float]:
    """Return the `WINDOW_MM` along the head in which ventricles are largest, in mm.

    Parameters
    ----------
    positions, areas : (N,)
        Of slices of many people, in mm and mm2.
    """
    starts = np.unique(positions)
    last = starts.max() - WINDOW_MM
    # A cohort that covers less has one window.
    starts = starts[starts <= last] if (starts <= last).any() else starts[:1]
    ends = np.minimum(starts + WINDOW_MM, positions.max())
    means = [
        areas[(positions >= start) & (positions <= end)].mean()
        for start, end in zip(starts, ends, strict=True)
    ]
    best = int(np.argmax(means))
    return float(starts[best]), float(ends[best])


def _graininess(image: _Floats) -> float:
    middle = _middle(image, _ACROSS)
    if not middle.any():
        return 0.0
    difference = np.abs(image - ndimage.median_filter(image, 3))[middle]
    return float(difference.mean() / _white_matter(image[middle]))


def _white_matter(pixels: _Floats) -> float:
    return max(float(np.percentile(pixels, _WHITE_MATTER)), 1e-6)


def _middle(image: _Floats, share: float) -> _Mask:
    """Return the middle of the head, so wide a share of it; empty where there is none."""
    box = _head_box(image)
    if box is None:
        return np.zeros(image.shape, bool)
    (top, bottom), (left, right) = ((side.start, side.stop) for side in box)
    rows, columns = np.ogrid[: image.shape[0], : image.shape[1]]
    along = np.abs(2 * rows - (top + bottom - 1)) / (bottom - top)
    across = np.abs(2 * columns - (left + right - 1)) / (right - left)
    inside: _Mask = (along < _ALONG) & (across < share)
    return inside


def _head_box(image: _Floats) -> tuple[slice, slice] | None:
    lit = ndimage.binary_opening(image > _LIT * np.percentile(image, _BRIGHTEST))
    pieces, count = ndimage.label(lit)
    if not count:
        return None
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    box: tuple[slice, slice] = ndimage.find_objects(pieces)[sizes.argmax() - 1]
    return box
