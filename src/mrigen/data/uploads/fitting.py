"""Pictures of any size to squares of the size that a network knows."""

import numpy as np

from mrigen.data.slicing.geometry import GeometryConfig, lay_out
from mrigen.data.volumes.volume import FloatArray


def fit(pictures: FloatArray, size: int) -> FloatArray:
    """Bring pictures to a size as slices are cut: padded to squares and resampled by area.

    Parameters
    ----------
    pictures : (N, H, W) float32 in [0, 1]
        Of square pixels. Those that have the size already are not touched.
    size
        Pixels along each side.

    Returns
    -------
    (N, size, size) float32 in [0, 1]
    """
    _, height, width = pictures.shape
    if (height, width) == (size, size):
        return pictures
    shape, spacing = (width, height, 1), (1.0, 1.0, 1.0)
    layout = lay_out("axial", shape, spacing, GeometryConfig(), size=size)
    return np.ascontiguousarray(layout.resample(pictures))
