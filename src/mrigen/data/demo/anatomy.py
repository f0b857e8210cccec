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

from mrigen.data.demo.grid import Array, Grid, Mask, Point, signed_distance
from mrigen.data.demo.outside import cranial_distance, outside_grid, skin_distance, soft_tissue
from mrigen.errors import DataError

Bytes = NDArray[np.uint8]

_TEMPLATE = {
    name: f"mni_icbm152_{name}_tal_nlin_sym_09a_converted.nii.gz" for name in ("t1", "gm", "wm")
}
_REACH_MM = 14.0  # how far from a ventricle its growth still moves tissue
_BRAIN_BOX = ((-76, 76), (-110, 78), (-72, 86))  # even, so that every second voxel fits
_VENTRICLE_BOX = ((-38, 38), (-60, 32), (-4, 29))  # lateral and third ventricles


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
    origin: Point = (_BRAIN_BOX[0][0], _BRAIN_BOX[1][0], _BRAIN_BOX[2][0])
    brain = t1 > 0
    grey, white = _sharpen(grey, white, brain)
    ventricles = _ventricles(grey, white, brain, origin)
    cranial = cranial_distance(brain, origin)
    return Anatomy(
        white=Grid(white, origin, 1),
        grey=Grid(grey, origin, 1),
        detail=Grid(_detail(t1, grey, white)[::2, ::2, ::2].copy(), origin, 2),
        ventricles=Grid((255 * ventricles).astype(np.uint8), origin, 1),
        ventricle_pull=_ventricle_pull(ventricles, origin),
        cranial_mm=outside_grid(cranial),
        skin_mm=outside_grid(skin_distance(cranial)),
        soft=outside_grid(soft_tissue()),
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


def _read_map(file: Path) -> Bytes:
    image = nibabel.as_closest_canonical(nibabel.load(file))
    corner = np.rint(image.affine[:3, 3]).astype(int)
    crop = tuple(slice(a - c, b - c) for (a, b), c in zip(_BRAIN_BOX, corner, strict=True))
    return np.ascontiguousarray(np.asarray(image.dataobj, np.uint8)[crop])


def _sharpen(grey: Bytes, white: Bytes, brain: Mask) -> tuple[Bytes, Bytes]:
    # The maps are averages of many brains; powers of the fractions bring back one brain's edges.
    power = (np.arange(256, dtype=np.float32) / 255) ** np.float32(1.6)
    fluid = np.where(brain, 255 - np.minimum(grey.astype(np.int16) + white, 255), 0)
    total = np.maximum(power[grey] + power[white] + power[fluid], np.float32(1e-6))
    sharp_grey, sharp_white = (
        np.rint(255 * power[part] / total).astype(np.uint8) for part in (grey, white)
    )
    return sharp_grey, sharp_white


def _detail(t1: Bytes, grey: Bytes, white: Bytes) -> Array:
    # 222, 166 and 68 are the template's own T1 levels of pure white, grey and fluid.
    explained = 68 + white * np.float32(154 / 255) + grey * np.float32(98 / 255)
    return np.where(t1 > 0, (t1 - explained) / np.float32(222), np.float32(0))


def _ventricles(
    grey: Bytes,
    white: Bytes,
    brain: Mask,
    origin: Point,
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


def _ventricle_pull(ventricles: Mask, origin: Point) -> tuple[Grid, Grid, Grid]:
    distance = ndimage.gaussian_filter(signed_distance(ventricles[::2, ::2, ::2], 2), 1.0)
    fade = np.exp(-np.maximum(distance, 0) / _REACH_MM)
    x, y, z = (
        Grid((fade * slope).astype(np.float32), origin, 2) for slope in np.gradient(distance, 2.0)
    )
    return x, y, z
