import numpy as np
import pytest
import torch

from drawn_heads import head
from mrigen.evaluation.copying.spaces import SIDE, Space, pixel_rows

HEAD = head(0)


def correlation(first, second):
    return (pixel_rows(first) * pixel_rows(second)).sum(1)


def test_rows_have_a_mean_of_0_and_a_length_of_1():
    rows = pixel_rows(HEAD)
    assert rows.shape == (len(HEAD), SIDE * SIDE)
    assert rows.mean(1).abs().max() < 1e-12
    assert (rows.norm(dim=1) - 1).abs().max() < 1e-12


def test_shifts_by_whole_pixels_change_nothing():
    moved = torch.roll(HEAD, (2, -3), (2, 3))
    assert correlation(HEAD, moved) == pytest.approx(torch.ones(len(HEAD)).double(), abs=1e-6)


def test_brightness_changes_nothing():
    assert correlation(HEAD, 0.3 * HEAD) == pytest.approx(torch.ones(len(HEAD)).double())


def test_another_head_is_another_row():
    assert correlation(HEAD, head(1)).max() < 0.97


@pytest.mark.parametrize("value", [0.0, 0.1, 1.0])
def test_one_grey_value_is_no_picture(value):
    # A grey one has an edge once it is moved; it stands where it is in the middle already.
    assert (pixel_rows(torch.full((1, 1, 24, 24), value)) == 0).all()


@pytest.mark.parametrize("size", [(16, 16), (33, 47), (128, 96)])
def test_images_of_any_size_are_compared(size):
    images = torch.rand(2, 1, *size, generator=torch.Generator().manual_seed(0))
    assert pixel_rows(images).isfinite().all()


def test_more_images_than_fit_a_batch_are_the_same_rows():
    many = HEAD.repeat(40, 1, 1, 1)
    assert torch.equal(pixel_rows(many)[-8:], pixel_rows(many[-8:]))


def test_the_nearer_of_a_slice_and_its_mirror_image_is_found():
    train = torch.tensor([[0.0, 1.0], [5.0, 5.0], [9.0, 0.0]]).double()
    space = Space("s", "S", train, train, train, train.flip(1))
    found = space.search(torch.tensor([[0.0, 1.0], [0.0, 9.0]]).double(), np.array(["a", "b", "c"]))
    assert found.places.tolist() == [0, 2]
    assert found.mirrored.tolist() == [False, True]
    assert found.distances.tolist() == [0, 0]
    assert found.relative.tolist() == [0, 0]
    own = space.search(train[:1], np.array(["a", "b", "c"]), np.array(["a"]))
    assert own.places.tolist() == [1]
    assert np.isinf(own.people[0, 0])
