"""What the template lacks: a skull's inner surface, a skin, a face and a neck, all plain shapes.

Coordinates are millimetres of the template's space: x to the right, y forwards, z up.
"""

import numpy as np
from scipy import ndimage

from mrigen.data.demo.grid import Array, Grid, Mask, Point, signed_distance

# The head reaches further than the template's field of view: a neck, a face, a scalp.
_STEP_MM = 2
_LOW_MM = np.array([-100, -140, -140])
_HIGH_MM = np.array([100, 120, 116])
_CLOSING_MM = 9  # bridges sulci and fissures, not the gap between the temporal lobes
_SCALP_MM = 14  # from the inner table of the skull to the skin

# Centre (mm), radii (mm) of what a head has beyond its skull; lateral ones are mirrored.
_BULK = (
    ((0, 38, -70), (66, 60, 62)),  # face
    ((48, 8, -75), (26, 38, 55)),  # cheeks
    ((76, -18, -32), (8, 13, 24)),  # ears
    ((0, 96, -58), (13, 18, 22)),  # nose
    ((0, 50, -108), (46, 44, 28)),  # jaw
    ((0, -32, -120), (60, 62, 90)),  # neck
    ((58, 12, -18), (22, 40, 45)),  # temporal muscle
)
# Centre, radii, T1 brightness in units of white matter; later ones cover earlier ones.
_INSIDE = (
    ((0, 30, -55), (34, 26, 22), 0.55),  # skull base, marrow
    ((30, 46, -38), (19, 26, 17), 1.05),  # orbital fat
    ((30, 58, -38), (12, 12, 12), 0.26),  # eyes
    ((30, 71, -37), (4, 3, 5), 0.75),  # lenses
    ((0, 50, -45), (14, 34, 20), 0.30),  # ethmoid cells
    ((7, 62, -64), (5, 28, 15), 0.03),  # nasal cavity
    ((7, 55, -66), (2, 20, 9), 0.50),  # turbinates
    ((29, 54, -70), (13, 15, 15), 0.03),  # maxillary sinuses
    ((8, 80, -14), (10, 5, 9), 0.03),  # frontal sinuses
    ((0, 24, -38), (11, 10, 9), 0.03),  # sphenoid sinus
    ((0, 50, -92), (24, 36, 3), 0.05),  # mouth
    ((0, 50, -108), (24, 32, 16), 0.70),  # tongue
    ((0, 47, -84), (20, 30, 3), 0.05),  # palate
    ((0, 14, -100), (10, 6, 46), 0.03),  # pharynx
    ((44, 30, -104), (6, 30, 16), 0.20),  # jaw bone
    ((52, -28, -52), (13, 18, 15), 0.10),  # mastoid cells
    ((0, -14, -118), (15, 13, 60), 0.62),  # vertebral bodies
    ((0, -40, -118), (11, 10, 70), 0.22),  # spinal canal
    ((0, -40, -118), (6, 5, 70), 0.85),  # spinal cord
)
_MUSCLE = 0.52


def cranial_distance(brain: Mask, origin: Point) -> Array:
    """Return the distance in mm from a surface around the brain that bridges its sulci.

    Parameters
    ----------
    brain
        Every voxel of 1 mm that the template's brain covers.
    origin
        Place of its first voxel, even.
    """
    coarse = np.zeros((_HIGH_MM - _LOW_MM) // _STEP_MM + 1, bool)
    start = (np.array(origin, int) - _LOW_MM) // _STEP_MM
    small = brain[::2, ::2, ::2]
    coarse[tuple(slice(s, s + n) for s, n in zip(start, small.shape, strict=True))] = small
    grown = _STEP_MM * ndimage.distance_transform_edt(~coarse) <= _CLOSING_MM
    closed = _STEP_MM * ndimage.distance_transform_edt(grown) > _CLOSING_MM
    return signed_distance(closed | coarse, _STEP_MM)


def skin_distance(cranial_mm: Array) -> Array:
    """Return the distance in mm from the skin, positive inside the head."""
    head = cranial_mm < _SCALP_MM
    for centre, radii in _BULK:
        head |= _ellipsoid(centre, radii)
    # Fills the corners where face and neck meet the skull.
    rounded: Mask = ndimage.gaussian_filter(head.astype(np.float32), 3.0) > 0.42
    return -signed_distance(rounded | (cranial_mm < _SCALP_MM - 2), _STEP_MM)


def soft_tissue() -> Array:
    """Return the T1 brightness of what lies beyond the skull, in units of white matter."""
    soft = np.full((_HIGH_MM - _LOW_MM) // _STEP_MM + 1, _MUSCLE, np.float32)
    for centre, radii, brightness in _INSIDE:
        soft[_ellipsoid(centre, radii)] = brightness
    smooth: Array = ndimage.gaussian_filter(soft, 0.5)
    return smooth


def _ellipsoid(centre: tuple[int, int, int], radii: tuple[int, int, int]) -> Mask:
    # A centre off the midline stands for both sides.
    x, y, z = np.ogrid[
        tuple(slice(a, b + 1, _STEP_MM) for a, b in zip(_LOW_MM, _HIGH_MM, strict=True))
    ]
    offsets = (abs(x) - centre[0] if centre[0] else x, y - centre[1], z - centre[2])
    u, v, w = (offset / radius for offset, radius in zip(offsets, radii, strict=True))
    inside: Mask = u**2 + v**2 + w**2 <= 1
    return inside


def outside_grid(values: Array) -> Grid:
    """Place one of this file's arrays in the template's space."""
    x, y, z = (float(value) for value in _LOW_MM)
    return Grid(values, (x, y, z), _STEP_MM)
