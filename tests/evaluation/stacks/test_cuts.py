import numpy as np
import pytest
import torch

from mrigen.data.slicing.geometry import SLICE_AXIS, frames
from mrigen.evaluation.stacks.cuts import PileGeometry, cut_across

SHAPE = (6, 8, 10)  # of x, y and z
VOXEL_MM = (2.0, 3.0, 4.0)


def pile(plane, display="radiological"):
    """A volume without symmetry as slices, and how they lie."""
    volume = np.arange(np.prod(SHAPE), dtype=np.float32).reshape(SHAPE)
    axis = SLICE_AXIS[plane]
    slices = frames(np.moveaxis(volume, axis, 0), plane, display)
    across, along = (size for other, size in enumerate(VOXEL_MM) if other != axis)
    geometry = PileGeometry(plane, display, along, across, VOXEL_MM[axis])
    return volume, torch.from_numpy(slices.copy())[:, None], geometry


@pytest.mark.parametrize("display", ["radiological", "neurological"])
@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
def test_a_cut_is_the_slice_of_that_plane(plane, display):
    volume, stack, geometry = pile(plane, display)
    for other in geometry.others:
        axis = SLICE_AXIS[other]
        middle = np.moveaxis(volume, axis, 0)[[SHAPE[axis] // 2]]
        picture, aspect = cut_across(stack, geometry, other)
        assert np.array_equal(picture, frames(middle, other, display)[0])
        across, along = (size for each, size in enumerate(VOXEL_MM) if each != axis)
        assert aspect == along / across


def test_the_crown_is_on_top_and_the_face_on_the_left():
    _, stack, geometry = pile("axial")
    assert geometry.others == ["coronal", "sagittal"]
    stack = torch.zeros_like(stack)
    stack[-1, :, 0] = 1  # the front row of the highest slice
    picture, _ = cut_across(stack, geometry, "sagittal")
    assert np.argwhere(picture).tolist() == [[0, 0]]
