import numpy as np
import pytest
import torch

from mrigen.data.lesions import head_masks, insert_lesions
from mrigen.errors import DataError

SIZE = 48


def heads(count=6, grey=0.5):
    """Discs of one grey in black air."""
    rows, columns = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
    squared = (rows - 24) ** 2 + (columns - 22) ** 2
    return (grey * (squared < 18**2).float()).repeat(count, 1, 1, 1)


def inserted(images=None, rows=None, contrast=0.4, radius=(0.05, 0.12), seed=0):
    images = heads() if images is None else images
    rows = range(len(images)) if rows is None else rows
    return insert_lesions(images, rows, contrast=contrast, radius=radius, seed=seed)


def test_lesions_lie_within_the_head_and_nothing_outside_them_is_changed():
    images, masks = inserted()
    assert images.shape == masks.shape == heads().shape
    assert (images.dtype, masks.dtype) == (torch.float32, torch.bool)
    assert masks.flatten(1).any(1).all()
    assert not (masks & (heads() == 0)).any()
    assert torch.equal(images[~masks], heads()[~masks])


def test_the_contrast_is_as_said_in_the_middle_and_at_least_half_of_it_everywhere():
    images, masks = inserted(contrast=0.3)
    change = (images - heads()).abs()
    assert change.amax((1, 2, 3)).tolist() == pytest.approx([0.3] * 6, abs=1e-6)
    assert change[masks].min() >= 0.15 - 1e-6
    # One lesion is bright or dark all over.
    signs = [(images - heads())[i][masks[i]].sign().unique().tolist() for i in range(6)]
    assert {tuple(sign) for sign in signs} == {(1.0,), (-1.0,)}


@pytest.mark.parametrize(("grey", "sign"), [(0.9, -1), (0.2, 1)])
def test_a_lesion_takes_the_direction_that_has_room(grey, sign):
    images, masks = inserted(heads(grey=grey), contrast=0.5)
    assert ((images - heads(grey=grey))[masks].sign() == sign).all()


def test_grey_values_stay_between_black_and_white():
    images, _ = inserted(contrast=1.0)
    assert images.min() >= 0
    assert images.max() <= 1


def test_the_row_and_the_seed_alone_decide_where_a_lesion_lies():
    images, masks = inserted()
    again = inserted(heads(2), rows=[3, 1])
    assert torch.equal(again.images, images[[3, 1]])
    assert torch.equal(again.masks, masks[[3, 1]])
    assert torch.equal(inserted(contrast=0.1).masks, masks)
    assert not torch.equal(inserted(seed=1).masks, masks)
    assert len({mask.numpy().tobytes() for mask in masks}) == 6


def test_radii_are_in_image_heights():
    _, masks = inserted(radius=(0.1, 0.1))
    areas = masks.flatten(1).sum(1) / SIZE**2
    assert areas.tolist() == pytest.approx([np.pi * 0.1**2] * 6, rel=0.15)


def test_large_lesions_lie_where_the_head_is_thickest():
    _, masks = inserted(radius=(0.36, 0.36))
    centre = np.argwhere(masks[0, 0].numpy()).mean(0)
    assert centre == pytest.approx([24, 22], abs=1)
    assert not (masks & (heads() == 0)).any()


def test_a_slice_of_air_gets_no_lesion():
    images, masks = inserted(torch.zeros(2, 1, SIZE, SIZE))
    assert not images.any()
    assert not masks.any()


def test_a_head_is_its_outline_filled_without_specks_in_the_air():
    image = heads(1)
    image[0, 0, 20:28, 18:26] = 0
    image[0, 0, 1:3, 1:3] = 0.8
    assert torch.equal(head_masks(image), heads(1) > 0)


def test_no_slices_have_no_lesions():
    assert len(inserted(torch.zeros(0, 1, SIZE, SIZE)).masks) == 0
    assert len(head_masks(torch.zeros(0, 1, SIZE, SIZE))) == 0


def test_rows_and_radii_that_do_not_fit_are_refused():
    with pytest.raises(DataError, match="6 images come with 2 rows"):
        inserted(rows=[0, 1])
    with pytest.raises(DataError, match="expected the least and the most"):
        inserted(radius=(0.2, 0.1))
