"""Augmented slices: what the numbers mean, and what each slice depends on."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from mrigen.data.augmentation import (
    AUGMENTATION_LABELS,
    Augmentation,
    AugmentationConfig,
    augment,
    draw_augmentation,
)
from mrigen.data.corruptions.batches import Item

EVERYTHING = AugmentationConfig(
    flip=0.5, rotation_degrees=20, translation=0.1, scale=0.2, gamma=0.5, probability=0.9
)


def items(count: int, epoch: int = 0) -> list[Item]:
    return [Item(0, "train", epoch, row) for row in range(count)]


def noise(count: int, size: int = 24) -> torch.Tensor:
    return torch.rand(count, 1, size, size, generator=torch.Generator().manual_seed(1))


def done(images: torch.Tensor, label: list[float], **config: float) -> torch.Tensor:
    labels = np.tile(np.array(label, np.float64), (len(images), 1))
    return augment(images, Augmentation(AugmentationConfig(**config), labels))


def spot(row: int, column: int, size: int = 9) -> torch.Tensor:
    image = torch.zeros(1, 1, size, size)
    image[..., row, column] = 1
    return image


def test_labels_are_drawn_for_each_item_and_pass():
    labels = draw_augmentation(EVERYTHING, items(400)).labels
    assert labels.shape == (400, AUGMENTATION_LABELS)
    touched = labels.any(axis=1)
    assert touched.mean() == pytest.approx(0.9, abs=0.05)
    assert labels[touched, 0].mean() == pytest.approx(0.5, abs=0.08)
    assert set(labels[:, 0]) == {0, 1}
    for column in labels[touched, 1:].T:
        assert column.min() < -0.95
        assert column.max() > 0.95
        assert column.mean() == pytest.approx(0, abs=0.1)
    later = draw_augmentation(EVERYTHING, items(400, epoch=1)).labels
    assert not np.array_equal(labels, later)


def test_what_is_not_asked_for_has_no_label():
    config = AugmentationConfig(rotation_degrees=5)
    labels = draw_augmentation(config, items(50)).labels
    assert labels[:, 1].all()
    assert not labels[:, [0, 2, 3, 4, 5]].any()


def test_a_slice_with_a_label_of_zeros_keeps_its_bits():
    images = noise(6)
    labels = draw_augmentation(EVERYTHING, items(6)).labels
    labels[[1, 4]] = 0
    answer = augment(images, Augmentation(EVERYTHING, labels))
    for place, (before, after) in enumerate(zip(images, answer, strict=True)):
        assert torch.equal(before, after) is (place in {1, 4})


def test_a_flip_swaps_columns_exactly():
    images = noise(3)
    assert torch.equal(done(images, [1, 0, 0, 0, 0, 0], flip=1), images.flip(-1))


def test_a_quarter_turn_is_clockwise():
    turned = done(spot(4, 8), [0, 1, 0, 0, 0, 0], rotation_degrees=90)
    assert torch.allclose(turned, spot(8, 4), atol=1e-6)


def test_shifts_are_shares_of_the_width_and_bring_background():
    images = 1 - 0.5 * noise(2, size=20)
    moved = done(images, [0, 0, 1, -0.5, 0, 0], translation=0.2)
    assert torch.allclose(moved[..., 4:, :-2], images[..., :-4, 2:], atol=1e-6)
    assert not moved[..., :3, :].any()
    assert not moved[..., -1:].any()


def test_scale_is_about_the_centre():
    areas = []
    for amount in (-1, 0, 1):
        square = torch.zeros(1, 1, 41, 41)
        square[..., 15:26, 15:26] = 1
        areas.append(float(done(square, [0, 0, 0, 0, amount, 0], scale=0.5).sum()))
    for smaller, larger in pairwise(areas):
        assert larger / smaller == pytest.approx(1.5**2, rel=0.1)


def test_gamma_raises_to_a_power():
    images = noise(2)
    assert torch.allclose(done(images, [0, 0, 0, 0, 0, 1], gamma=1), images**2, atol=1e-6)
    assert torch.allclose(done(images, [0, 0, 0, 0, 0, -1], gamma=1), images**0.5, atol=1e-6)


@pytest.mark.parametrize("size", [24, 33])
def test_no_slice_depends_on_its_batch(size):
    images, all_items = noise(13, size), items(13)
    whole = augment(images, draw_augmentation(EVERYTHING, all_items))
    for count in (1, 5):
        parts = [
            augment(
                images[start : start + count],
                draw_augmentation(EVERYTHING, all_items[start : start + count]),
            )
            for start in range(0, 13, count)
        ]
        assert torch.equal(whole, torch.cat(parts))
    assert whole.dtype == torch.float32
    assert 0 <= whole.min() <= whole.max() <= 1
