import pytest
import torch

from mrigen.models.flow.coefficients import BlockCoefficients


def images(count=64):
    """Noise brighter at the top than below, and a black left edge."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.rand(count, 1, 16, 16, generator=generator)
    pixels *= torch.linspace(1, 0.2, 16)[:, None]
    pixels[..., :4] = 0
    return pixels


@pytest.mark.parametrize("block", [1, 2, 4, 8])
@pytest.mark.parametrize("whitening", [0.0, 0.5, 1.0])
def test_images_come_back(block, whitening):
    coefficients = BlockCoefficients(block, 16, whitening=whitening)
    for measured in (False, True):
        if measured:
            coefficients.measure([images()])
        found = coefficients(images(3))
        assert found.shape == (3, block**2, 16 // block, 16 // block)
        torch.testing.assert_close(coefficients.inverse(found), images(3), atol=1e-5, rtol=0)


def test_the_transform_keeps_lengths():
    coefficients = BlockCoefficients(4, 16, whitening=1.0)
    noise = torch.randn(2, 1, 16, 16)
    moved = (coefficients(noise) - coefficients(torch.zeros_like(noise))) * coefficients.divisor
    torch.testing.assert_close(moved.square().sum(), noise.square().sum())


def test_measured_coefficients_have_the_spread_that_is_told():
    coefficients = BlockCoefficients(4, 16, whitening=0.5)
    coefficients.measure(images(2000).split(300))
    found = coefficients(images(2000))
    assert found.mean(0).abs().max() < 1e-4
    # Spreads are averaged over neighbours, so those of single places differ a little.
    ratio = found.square().mean().sqrt() / coefficients.spread.square().mean().sqrt()
    assert ratio.item() == pytest.approx(1, abs=0.2)


def test_nothing_varies_where_all_images_are_black():
    coefficients = BlockCoefficients(1, 16, whitening=0.5)
    coefficients.measure([images()])
    assert coefficients.spread[..., :3].max() < 0.1 * coefficients.spread[..., 8:].min()
    assert coefficients(images()).isfinite().all()


@pytest.mark.parametrize("grey", [0.0, 31 / 255, 1.0])
@pytest.mark.parametrize("whitening", [0.0, 0.5, 1.0])
def test_images_that_are_all_alike_leave_a_scale_to_work_with(grey, whitening):
    alike = torch.full((37, 1, 16, 16), grey)
    coefficients = BlockCoefficients(4, 16, whitening=whitening)
    coefficients.measure(alike.split(5))
    assert coefficients.divisor.min() > 1e-4
    assert coefficients.spread.min() > 1e-3
    assert coefficients(alike).abs().max() < 1
    torch.testing.assert_close(
        coefficients.inverse(coefficients(images(3))), images(3), atol=1e-4, rtol=0
    )


def test_one_image_is_enough():
    coefficients = BlockCoefficients(4, 16, whitening=0.5)
    coefficients.measure([images(1)])
    assert coefficients(images(64)).isfinite().all()
    assert coefficients(images(1)).abs().max() < 1e-3


def test_without_images_nothing_changes():
    coefficients = BlockCoefficients(2, 16, whitening=0.5)
    before = {name: value.clone() for name, value in coefficients.state_dict().items()}
    coefficients.measure([])
    assert all(torch.equal(coefficients.state_dict()[name], old) for name, old in before.items())


def test_mixed_precision_leaves_the_transform_exact():
    coefficients = BlockCoefficients(4, 16, whitening=0.5)
    exact = coefficients(images())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(coefficients(images()), exact)
        assert torch.equal(coefficients.inverse(exact), coefficients.inverse(exact).float())
        assert coefficients.inverse(exact).dtype == torch.float32
