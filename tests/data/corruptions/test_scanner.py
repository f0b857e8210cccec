"""Artefacts of k-space and coils look like what they are named after."""

import numpy as np
import pytest
import torch

from damage import damage, heads, items, recipe
from mrigen.data.corruptions.batches import draw


def box(size=64):
    image = torch.zeros(1, 1, size, size)
    image[..., size // 2 - 6 : size // 2 + 6, size // 2 - 6 : size // 2 + 6] = 0.6
    return image


@pytest.mark.parametrize("keep", [0.3, 0.5, 0.75])
@pytest.mark.parametrize("shape", [(64, 64), (48, 31), (33, 40)])
def test_gibbs_is_k_space_cut_to_its_centre(keep, shape):
    clean = heads(1, *shape)
    spectrum = np.fft.fft2(clean[0, 0].numpy())
    for axis, size in enumerate(shape):
        lost = 2 * np.abs(np.fft.fftfreq(size) * size) > keep * size + 1e-6
        np.moveaxis(spectrum, axis, 0)[lost] = 0
    answer = damage(clean, {"name": "gibbs", "keep": keep}).images[0, 0]
    assert np.allclose(answer, np.abs(np.fft.ifft2(spectrum)).clip(0, 1), atol=1e-6)


def test_gibbs_rings_beside_an_edge():
    middle = damage(box(), {"name": "gibbs", "keep": 0.4}).images[0, 0, 32].numpy()
    inside, outside = middle[27:37], middle[40:54]
    assert inside.max() > 0.6 * 1.02  # beyond what was there
    assert 0.02 < outside.max() < 0.1  # where nothing was
    for part, turns in ((inside, 3), (outside, 6)):
        steps = np.sign(np.diff(part.round(4)))
        steps = steps[steps != 0]
        assert (steps[1:] != steps[:-1]).sum() >= turns


@pytest.mark.parametrize("axis", ["rows", "columns"])
@pytest.mark.parametrize(("lines", "sign"), [("odd", 1), ("even", -1)])
def test_a_ghost_lies_half_the_field_of_view_away(axis, lines, sign):
    clean = heads(2, 64)
    step = {"name": "ghosting", "factor": 0.7, "axis": axis, "lines": lines}
    ghost = clean.roll(32, -2 if axis == "rows" else -1)
    expected = (0.85 * clean + sign * 0.15 * ghost).abs()
    assert torch.allclose(damage(clean, step).images, expected, atol=1e-6)


def test_ghosts_go_either_way_by_default():
    _, parity, axis = draw(recipe({"name": "ghosting"}), items(400), (32, 32))[0].parameters.T
    assert {*zip(parity, axis, strict=True)} == {(0, 0), (0, 1), (1, 0), (1, 1)}


@pytest.mark.parametrize(("axis", "along", "across"), [("rows", 0, 1), ("columns", 1, 0)])
def test_motion_smears_along_the_axis_of_the_lines(axis, along, across):
    step = {"name": "motion", "axis": axis, "poses": [6, 8], "rotation_degrees": 0}
    answer = damage(box().expand(32, 1, 64, 64), step).images
    signal = answer.mean((0, 1))
    beside = [signal.index_select(place, torch.arange(12)).mean() for place in (along, across)]
    assert beside[0] > 5 * beside[1]


def test_motion_without_movement_is_none():
    clean = heads(4)
    still = {"name": "motion", "rotation_degrees": 0, "translation": 0}
    assert torch.allclose(damage(clean, still).images, clean, atol=1e-6)


def test_the_centre_of_k_space_is_at_rest():
    for shape in ((32, 32), (33, 35)):
        clean = heads(16, *shape)
        moved = damage(clean, {"name": "motion"}).images
        # The magnitude adds a little where k-space is not symmetric any more.
        assert torch.allclose(moved.mean((1, 2, 3)), clean.mean((1, 2, 3)), rtol=0.15)
        left, right = (_centroid(images) for images in (clean, moved))
        assert (left - right).abs().max() < 1.0


@pytest.mark.parametrize("size", [16, 17])
def test_line_0_is_read_with_share_a_half(size):
    step = recipe({"name": "motion", "poses": [2, 2]})[0]
    white = torch.ones(1, 1, size, size)  # nothing but the centre of k-space
    for start, stop, left in ((0.0, 0.5, 1.0), (0.5, 1.0, 0.0)):
        far_away = np.array([[0, start, stop, 0.0, 3.0 * size, 0.0]])
        assert torch.allclose(
            step.apply(white, far_away, 1.0).images, torch.tensor(left), atol=1e-5
        )


def test_a_head_turns_by_the_angle_and_moves_by_the_pixels_drawn():
    # All lines from one pose but the centre's, which is read with share 0.5.
    step = recipe({"name": "motion", "poses": [2, 2]})[0]
    clean = torch.nn.functional.avg_pool2d(heads(1, 96), 3, 1, 1)
    everything = np.array([[0, 0.0, 1.0, 0.0, 3.0, -2.0]])
    moved = step.apply(clean, everything, 1.0).images
    assert torch.allclose(moved, clean.roll((3, -2), (-2, -1)), atol=1e-5)
    quarter = np.array([[0, 0.0, 1.0, 90.0, 0.0, 0.0]])
    turned = step.apply(clean, quarter, 1.0).images
    assert torch.allclose(turned, clean.rot90(-1, (-2, -1)), atol=1e-4)


def test_turns_and_shifts_shrink_with_strength():
    step = recipe({"name": "motion", "poses": [2, 2]})[0]
    whole, half = (
        np.array([[1, 0.6, 0.9, 12 * share, 4 * share, -6 * share]]) for share in (1, 0.5)
    )
    clean = heads(1)
    weaker = step.apply(clean, whole, 0.5).images
    assert torch.equal(weaker, step.apply(clean, half, 1.0).images)


def test_the_bias_field_is_smooth_and_reaches_its_loss():
    white = torch.ones(8, 1, 64, 64)
    field = damage(white, {"name": "bias_field", "loss": 0.4}).images
    assert torch.allclose(field.amax((1, 2, 3)), torch.tensor(1.0))
    assert torch.allclose(field.amin((1, 2, 3)), torch.tensor(0.6))
    assert field.diff(dim=-1).abs().max() < 0.1
    assert field.diff(dim=-2).abs().max() < 0.1


def test_rescale_stretches_each_image():
    clean = torch.stack([torch.linspace(0.2, 0.7, 256), torch.full((256,), 0.3)])
    answer = damage(clean.view(2, 1, 16, 16), {"name": "rescale"}).images.flatten(1)
    assert torch.allclose(answer[0], torch.linspace(0, 1, 256), atol=1e-6)
    assert torch.equal(answer[1], clean[1])


def _centroid(images):
    rows = torch.arange(images.shape[-2]).view(-1, 1)
    columns = torch.arange(images.shape[-1])
    total = images.sum((1, 2, 3))
    return torch.stack([(images * place).sum((1, 2, 3)) / total for place in (rows, columns)])
