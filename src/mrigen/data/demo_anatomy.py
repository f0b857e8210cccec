"""A head to deform: template tissues inside, a plain skull, scalp and face around them.

All coordinates are millimetres of the template's own space: x to the right, y forwards, z up,
the origin at the anterior commissure.
"""

from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import nibabel
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mrigen.errors import DataError

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]

_TEMPLATE = {
    name: f"mni_icbm152_{name}_tal_nlin_sym_09a_converted.nii.gz" for name in ("t1", "gm", "wm")
}
# The head reaches further than the template's field of view: a neck, a face, a scalp.
_STEP_MM = 2
_LOW_MM = np.array([-100, -140, -140])
_HIGH_MM = np.array([100, 120, 116])
_CLOSING_MM = 9  # bridges sulci and fissures, not the gap between the temporal lobes
_SCALP_MM = 14  # from the inner table of the skull to the skin
_REACH_MM = 14.0  # how far from a ventricle its growth still moves tissue
_BRAIN_BOX = ((-76, 76), (-110, 78), (-72, 86))  # even, so that every second voxel fits
_VENTRICLE_BOX = ((-38, 38), (-60, 32), (-4, 29))  # lateral and third ventricles

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


@dataclass(frozen=True)
class Grid:
    """Samples of one map: `values[i, j, k]` belongs to `origin_mm + step_mm * (i, j, k)`."""

    values: NDArray[np.uint8] | Array
    origin_mm: tuple[float, float, float]
    step_mm: float

    def sample(self, points: Array) -> Array:
        """Interpolate at `points` (3, ...) in mm; beyond the edge the last value holds on."""
        origin = np.array(self.origin_mm, np.float32).reshape(3, *[1] * (points.ndim - 1))
        index = (points - origin) / np.float32(self.step_mm)
        result: Array = ndimage.map_coordinates(
            self.values, index, output=np.float32, order=1, mode="nearest"
        )
        return result


@dataclass(frozen=True)
class Anatomy:
    """Maps of the template head, sampled at warped points to make a subject.

    Attributes
    ----------
    white, grey
        Tissue fractions, 0 to 255; what is left inside the skull is cerebrospinal fluid.
    detail
        T1 brightness beyond what the tissue fractions explain, in units of white matter.
    ventricles
        Lateral and third ventricles, 0 to 255.
    ventricle_pull
        x, y, z of the direction out of the ventricles, fading with distance from them.
    cranial_mm
        Distance from the surface that holds brain and cisterns, positive outside.
    skin_mm
        Distance from the skin, positive inside the head.
    soft
        T1 brightness of what lies beyond the skull, in units of white matter.
    """

    white: Grid
    grey: Grid
    detail: Grid
    ventricles: Grid
    ventricle_pull: tuple[Grid, Grid, Grid]
    cranial_mm: Grid
    skin_mm: Grid
    soft: Grid


@lru_cache(maxsize=1)
def load_anatomy() -> Anatomy:
    """Build the template head from the ICBM152 maps that the nilearn package carries.

    Raises
    ------
    DataError
        If nilearn is not installed or its template files are missing.
    """
    folder = find_template()
    t1, grey, white = (_read_map(folder / _TEMPLATE[name]) for name in ("t1", "gm", "wm"))
    x, y, z = (float(low) for low, _ in _BRAIN_BOX)
    origin = (x, y, z)
    brain = t1 > 0
    grey, white = _sharpen(grey, white, brain)
    ventricles = _ventricles(grey, white, brain, origin)
    cranial = _cranial_distance(brain, origin)
    head = _head(cranial)
    return Anatomy(
        white=Grid(white, origin, 1),
        grey=Grid(grey, origin, 1),
        detail=Grid(_detail(t1, grey, white)[::2, ::2, ::2].copy(), origin, 2),
        ventricles=Grid((255 * ventricles).astype(np.uint8), origin, 1),
        ventricle_pull=_ventricle_pull(ventricles, origin),
        cranial_mm=_coarse_grid(cranial),
        skin_mm=_coarse_grid(-_signed_distance(head, _STEP_MM)),
        soft=_coarse_grid(_soft_tissue()),
    )


def find_template() -> Path:
    """Return the folder of the installed nilearn that holds the ICBM152 maps.

    Raises
    ------
    DataError
        If nilearn is not installed or has no such maps.
    """
    # nilearn itself is not imported: it takes seconds and only its data files are needed.
    spec = find_spec("nilearn")
    if spec is None or spec.origin is None:
        raise DataError(
            "the demo cohort needs the template inside the package 'nilearn', which is not "
            'installed: run pip install "mrigen[demo]".'
        )
    folder = Path(spec.origin).parent / "datasets" / "data"
    for file in _TEMPLATE.values():
        if not (folder / file).is_file():
            raise DataError(
                f"the installed nilearn has no '{file}', expected in its datasets/data folder: "
                'run pip install --upgrade "mrigen[demo]".'
            )
    return folder


def _read_map(file: Path) -> NDArray[np.uint8]:
    image = nibabel.as_closest_canonical(nibabel.load(file))  # type: ignore[no-untyped-call]
    corner = np.rint(image.affine[:3, 3]).astype(int)
    crop = tuple(slice(a - c, b - c) for (a, b), c in zip(_BRAIN_BOX, corner, strict=True))
    return np.ascontiguousarray(np.asarray(image.dataobj, np.uint8)[crop])


def _sharpen(
    grey: NDArray[np.uint8], white: NDArray[np.uint8], brain: Mask
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    # The maps are averages of many brains; powers of the fractions bring back one brain's edges.
    power = (np.arange(256, dtype=np.float32) / 255) ** np.float32(1.6)
    fluid = np.where(brain, 255 - np.minimum(grey.astype(np.int16) + white, 255), 0)
    total = np.maximum(power[grey] + power[white] + power[fluid], np.float32(1e-6))
    sharp_grey, sharp_white = (
        np.rint(255 * power[part] / total).astype(np.uint8) for part in (grey, white)
    )
    return sharp_grey, sharp_white


def _detail(t1: NDArray[np.uint8], grey: NDArray[np.uint8], white: NDArray[np.uint8]) -> Array:
    # 222, 166 and 68 are the template's own T1 levels of pure white, grey and fluid.
    explained = 68 + white * np.float32(154 / 255) + grey * np.float32(98 / 255)
    return np.where(t1 > 0, (t1 - explained) / np.float32(222), np.float32(0))


def _ventricles(
    grey: NDArray[np.uint8],
    white: NDArray[np.uint8],
    brain: Mask,
    origin: tuple[float, float, float],
) -> Mask:
    fluid = brain & (grey.astype(np.int16) + white < 128)
    box = np.zeros_like(fluid)
    box[
        tuple(
            slice(int(a - o), int(b - o)) for (a, b), o in zip(_VENTRICLE_BOX, origin, strict=True)
        )
    ] = True
    pieces, _ = ndimage.label(fluid & box)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    largest: Mask = pieces == sizes.argmax()
    return largest


def _ventricle_pull(
    ventricles: Mask, origin: tuple[float, float, float]
) -> tuple[Grid, Grid, Grid]:
    distance = ndimage.gaussian_filter(_signed_distance(ventricles[::2, ::2, ::2], 2), 1.0)
    fade = np.exp(-np.maximum(distance, 0) / _REACH_MM)
    x, y, z = (
        Grid((fade * slope).astype(np.float32), origin, 2) for slope in np.gradient(distance, 2.0)
    )
    return x, y, z


def _cranial_distance(brain: Mask, origin: tuple[float, float, float]) -> Array:
    coarse = np.zeros((_HIGH_MM - _LOW_MM) // _STEP_MM + 1, bool)
    start = (np.array(origin, int) - _LOW_MM) // _STEP_MM
    small = brain[::2, ::2, ::2]
    coarse[tuple(slice(s, s + n) for s, n in zip(start, small.shape, strict=True))] = small
    grown = _STEP_MM * ndimage.distance_transform_edt(~coarse) <= _CLOSING_MM
    closed = _STEP_MM * ndimage.distance_transform_edt(grown) > _CLOSING_MM
    return _signed_distance(closed | coarse, _STEP_MM)


def _head(cranial_mm: Array) -> Mask:
    head = cranial_mm < _SCALP_MM
    for centre, radii in _BULK:
        head |= _ellipsoid(centre, radii)
    # Fills the corners where face and neck meet the skull.
    rounded: Mask = ndimage.gaussian_filter(head.astype(np.float32), 3.0) > 0.42
    return rounded | (cranial_mm < _SCALP_MM - 2)


def _soft_tissue() -> Array:
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


def _signed_distance(mask: Mask, step_mm: float) -> Array:
    outside = ndimage.distance_transform_edt(~mask)
    inside = ndimage.distance_transform_edt(mask)
    # Smoothed, since distances between voxel centres make terraces.
    smooth: Array = ndimage.gaussian_filter((step_mm * (outside - inside)).astype(np.float32), 1.0)
    return smooth


def _coarse_grid(values: Array) -> Grid:
    x, y, z = (float(value) for value in _LOW_MM)
    return Grid(values, (x, y, z), _STEP_MM)
