"""One subject's shape: where each voxel of the scan lies in the template head."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from mrigen.data.demo.anatomy import Anatomy
from mrigen.data.demo.grid import Array, smooth_field

# Beyond these a warp could fold; the amplitude is a fraction of the distance between knots.
_WARPS = ((75.0, 2.3), (26.0, 1.1))  # knots apart (mm), standard deviation (mm)

# The template is larger, and rounder from above, than most heads: right, anterior, superior.
_MEAN_SCALE = np.array((0.90, 0.98, 0.94))


@dataclass(frozen=True)
class Traits:
    """What the demo cohort plants in a subject.

    Attributes
    ----------
    age
        Years. Ventricles and sulci widen with it.
    sex
        "m" or "f". Male heads are about 3 % larger.
    """

    age: float
    sex: str


def ventricle_growth_mm(age: float) -> float:
    """Return how far the ventricle walls stand outside the template's at `age` in years.

    Slow until middle age and faster after it, as in healthy ageing; negative before 43.

    Examples
    --------
    >>> ventricle_growth_mm(20) < 0 < ventricle_growth_mm(50) < ventricle_growth_mm(85)
    True
    """
    return -0.9 + 0.02 * (age - 20) + 0.0008 * (age - 20) ** 2


def template_points(
    affine: NDArray[np.float64],
    shape: tuple[int, int, int],
    anatomy: Anatomy,
    traits: Traits,
    rng: np.random.Generator,
) -> Array:
    """Map every voxel of a subject's scan into the template head.

    Parameters
    ----------
    affine
        (4, 4), voxel indices to the subject's millimetres (right, anterior, superior).
    shape
        Shape of the scan in voxels.
    anatomy
        The template.
    traits
        Age and sex, which set the size of ventricles and head.
    rng
        The subject's stream for pose and shape.

    Returns
    -------
    (3, *shape) in mm of the template.
    """
    turn = Rotation.from_euler("xyz", rng.normal(0, (4, 2, 2.5)), degrees=True).as_matrix()
    shift = rng.normal(0, (2, 4, 4))
    size = (1.015 if traits.sex == "m" else 0.985) * rng.normal(1, 0.015)
    scale = size * _MEAN_SCALE * rng.normal(1, 0.018, 3)
    growth = (ventricle_growth_mm(traits.age) + rng.normal(0, 0.35)) / size
    matrix = (turn / scale).T @ affine[:3, :3]
    offset = (turn / scale).T @ (affine[:3, 3] - shift)
    index = np.indices(shape, dtype=np.float32)
    points: Array = np.einsum("ab,bijk->aijk", matrix.astype(np.float32), index)
    points += offset.astype(np.float32).reshape(3, 1, 1, 1)
    spacing = float(np.abs(np.linalg.det(affine[:3, :3])) ** (1 / 3))
    for knots_mm, deviation_mm in _WARPS:
        for axis in range(3):
            points[axis] += deviation_mm * smooth_field(rng, shape, knots_mm / spacing)
    pull = np.stack([grid.sample(points) for grid in anatomy.ventricle_pull])
    points -= np.float32(growth) * pull
    return points
