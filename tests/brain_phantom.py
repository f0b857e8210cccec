"""A made-up whole head in which a real network for brain extraction finds the brain."""

import numpy as np
import numpy.typing as npt

SHAPE, SPACING_MM = (48, 60, 54), 4.0


def head_with_brain() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Return a T1-like head of (48, 60, 54) voxels of 4 mm in RAS+, and which voxels are brain."""
    axes = [(np.arange(count) - (count - 1) / 2) * SPACING_MM for count in SHAPE]
    x, y, z = np.meshgrid(*axes, indexing="ij")

    def radius(centre: tuple[int, int, int], half: tuple[int, int, int]) -> npt.NDArray[np.float64]:
        squares = [
            ((place - middle) / reach) ** 2
            for place, middle, reach in zip((x, y, z), centre, half, strict=True)
        ]
        return np.sqrt(sum(squares))

    folds = np.sin(x / 9) * np.sin(y / 11) * np.sin(z / 10)
    depth = radius((0, 0, 12), (64, 82, 74))
    brain = depth + folds * 0.086 < 1
    neck = (np.hypot(x / 55, (y + 10) / 60) < 1) & (z < 0)
    face = radius((0, 55, -45), (55, 50, 60)) < 1
    parts = [
        (neck | face, 250),
        (radius((0, 0, 10), (78, 98, 92)) < 1, 600),  # fat under the scalp
        (radius((0, 0, 10), (73, 93, 87)) < 1, 60),  # bone
        (radius((0, 0, 10), (68, 88, 81)) < 1, 120),  # fluid
        (brain, 380),
        (depth + folds * 0.12 < 0.82, 560),  # white matter
        (radius((0, 0, 10), (10, 30, 15)) < 1, 120),  # ventricles
    ]
    array = np.random.default_rng(0).uniform(1, 25, SHAPE)
    shades = np.zeros(SHAPE)
    for part, shade in parts:
        shades[part] = shade
    return (array + shades).astype(np.float32), brain
