import numpy as np
import torch
from matplotlib.figure import Figure

from mrigen.evaluation.anomaly import figures


def outlined(lesion):
    axes = Figure().subplots()
    figures._outline(axes, lesion)
    (collection,) = axes.collections
    return np.array(collection.get_segments()).reshape(-1, 2, 2)


def test_a_lesion_is_outlined_along_the_edges_of_its_pixels():
    lesion = torch.zeros(8, 8, dtype=torch.bool)
    lesion[3:5, 2:5] = True
    edges = outlined(lesion)
    assert len(edges) == 2 * (2 + 3)
    # x, then y.
    assert edges.reshape(-1, 2).min(0).tolist() == [1.5, 2.5]
    assert edges.reshape(-1, 2).max(0).tolist() == [4.5, 4.5]


def test_lesions_at_the_border_of_the_picture_are_outlined_too():
    assert len(outlined(torch.ones(4, 6, dtype=torch.bool))) == 2 * (4 + 6)


def test_a_slice_without_a_lesion_has_no_outline():
    assert len(outlined(torch.zeros(4, 6, dtype=torch.bool))) == 0
