"""What differentiable augmentation does to images, and to gradients."""

import pytest
import torch

from mrigen.objectives.diff_augment import (
    brightness,
    contrast,
    cutout,
    diff_augment,
    translation,
)

EVERY = {
    "brightness": brightness,
    "contrast": contrast,
    "translation": translation,
    "cutout": cutout,
}


def images(count: int = 6, size: int = 16) -> torch.Tensor:
    return torch.rand(count, 1, size, size + 4, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", EVERY)
def test_strength_zero_changes_nothing(name):
    torch.testing.assert_close(EVERY[name](images(), strength=0.0), images())


@pytest.mark.parametrize("name", EVERY)
def test_each_image_has_its_own_draw_from_the_default_generator(name):
    torch.manual_seed(1)
    same = images()[:1].expand(40, -1, -1, -1)
    answer = diff_augment(same, [name])
    assert answer.shape == same.shape
    assert answer.dtype == torch.float32
    assert len(torch.unique(answer, dim=0)) > 5
    torch.manual_seed(1)
    assert torch.equal(diff_augment(same, [name]), answer)


@pytest.mark.parametrize("name", EVERY)
def test_gradient_is_exact(name):
    def repeated(values: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(2)
        return EVERY[name](values)

    assert torch.autograd.gradcheck(repeated, images(3, 6).double().requires_grad_())


def test_brightness_adds_one_number_to_an_image():
    torch.manual_seed(0)
    added = brightness(images(500)) - images(500)
    torch.testing.assert_close(added, added[:, :, :1, :1].expand_as(added), atol=1e-6, rtol=0)
    assert added.abs().max() <= 0.25
    assert added.min() < -0.2
    assert added.max() > 0.2


def test_contrast_keeps_the_mean_and_scales_the_rest():
    torch.manual_seed(0)
    answer, before = contrast(images(500)), images(500)
    torch.testing.assert_close(answer.mean((1, 2, 3)), before.mean((1, 2, 3)))
    scale = answer.std((1, 2, 3)) / before.std((1, 2, 3))
    assert 0.5 <= scale.min() < 0.6
    assert 1.4 < scale.max() <= 1.5 + 1e-5


def test_translation_shifts_by_whole_pixels_and_fills_with_black():
    torch.manual_seed(0)
    before = images(400)
    most = (2, 2)  # an eighth of 16 and of 20, rounded
    seen = set()
    for image, moved in zip(before, translation(before), strict=True):
        padded = torch.nn.functional.pad(image, (2, 2, 2, 2))
        shifts = [
            (row, column)
            for row in range(5)
            for column in range(5)
            if torch.equal(padded[:, row : row + 16, column : column + 20], moved)
        ]
        assert len(shifts) == 1
        seen.add(shifts[0])
    assert len(seen) == (2 * most[0] + 1) * (2 * most[1] + 1)


def test_cutout_blanks_one_rectangle_and_nothing_else():
    torch.manual_seed(0)
    before = images(300) + 0.1
    answer = cutout(before)
    areas = []
    for image, cut in zip(before[:, 0], answer[:, 0], strict=True):
        blank = cut == 0
        assert torch.equal(cut[~blank], image[~blank])
        rows, columns = blank.any(1), blank.any(0)
        assert torch.equal(blank, rows[:, None] & columns[None])
        areas.append(float(blank.float().mean()))
    assert max(areas) == 0.25
    assert min(areas) < 0.1  # partly outside


def test_names_are_applied_in_their_order():
    torch.manual_seed(3)
    answer = diff_augment(images(), ["cutout", "brightness"])
    torch.manual_seed(3)
    torch.testing.assert_close(answer, brightness(cutout(images())))
    assert diff_augment(images(), []).equal(images())
