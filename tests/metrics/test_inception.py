import hashlib

import pytest
import torch
from torch.nn import functional

from mrigen.errors import ModelError
from mrigen.metrics import inception
from mrigen.metrics.features import inception_v3
from mrigen.metrics.inception_blocks import BlockA, BlockE, ConvRelu


def published_shapes(network):
    """Return the entries of the weight file for these layers."""
    shapes = {"fc.weight": (1008, 2048), "fc.bias": (1008,)}
    for name, layer in network.named_modules():
        if isinstance(layer, ConvRelu):
            shapes[f"{name}.conv.weight"] = tuple(layer.weight.shape)
            for entry in ("weight", "bias", "running_mean", "running_var"):
                shapes[f"{name}.bn.{entry}"] = (layer.out_channels,)
    return shapes


def random_weights():
    """Return weights that keep activations at one size through the network."""
    weights = {}
    for number, (name, shape) in enumerate(sorted(published_shapes(inception.Inception()).items())):
        draw = torch.randn(shape, generator=torch.Generator().manual_seed(number))
        if name.endswith(("running_var", "bn.weight")):
            weights[name] = draw.square() * 0.1 + 1
        elif len(shape) > 1:
            weights[name] = draw * (2 / draw[0].numel()) ** 0.5
        else:
            weights[name] = draw * 0.1
    return weights


@pytest.fixture(scope="module")
def extractor(tmp_path_factory):
    """The extractor as it is loaded from a file, which holds random weights."""
    path = tmp_path_factory.mktemp("inception") / "weights.pth"
    torch.save(random_weights(), path)
    with pytest.MonkeyPatch.context() as patch:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        patch.setattr(inception, "WEIGHTS_SHA256", digest)
        loaded = inception_v3(path)
    path.unlink()
    return loaded


def test_names_and_shapes_are_those_of_the_published_file():
    # From pytorch-fid's network. As float32 these take 95,541,568 bytes; the file has 95,628,359.
    shapes = published_shapes(inception.Inception())
    assert len(shapes) == 472
    assert sum(torch.Size(shape).numel() for shape in shapes.values()) == 23_885_392
    assert shapes["Mixed_7c.branch3x3dbl_3b.conv.weight"] == (384, 384, 3, 1)
    lines = "\n".join(sorted(f"{name} {shape}" for name, shape in shapes.items()))
    assert hashlib.sha256(lines.encode()).hexdigest() == (
        "d84f693f2abd7fea61cb31c87d3b2f268bf707c1bae1db219afdad3363959cb0"
    )


def test_answers_are_those_of_pytorch_fid_with_the_same_weights(extractor):
    # Stored from its network, with torchvision 0.28, on these weights and images.
    images = torch.rand(2, 3, 299, 299, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.inference_mode():
        features = extractor.network(images)
    expected = [0.15926912, 0.03842980, 0.22556388, 1.97688222]
    assert features[0, :4].tolist() == pytest.approx(expected, abs=2e-4)
    assert float(features.mean()) == pytest.approx(3.62912321, rel=1e-5)
    assert float(features[1].norm()) == pytest.approx(273.3677063, rel=1e-5)
    logits = extractor.network.logits(features)
    assert logits.shape == (2, 1008)
    expected = [-0.87730932, -0.94557810, 7.04632521]
    assert logits[0, :3].tolist() == pytest.approx(expected, abs=5e-4)


def test_slices_of_any_size_have_2048_features(extractor):
    images = torch.rand(1, 1, 40, 50, generator=torch.Generator().manual_seed(1))
    features = extractor(images)
    assert features.shape == (1, 2048)
    assert float(features.min()) >= 0


def test_values_are_those_of_eight_bits_less_128(extractor):
    grey = torch.tensor([0, 128, 255]).view(3, 1, 1, 1) / 255
    prepared = extractor.prepare(grey.expand(3, 1, 299, 299))
    assert prepared.shape == (3, 3, 299, 299)
    assert prepared.amax((1, 2, 3)).tolist() == pytest.approx([-1, 0, 127 / 128], abs=1e-6)
    assert prepared.amin((1, 2, 3)).tolist() == pytest.approx([-1, 0, 127 / 128], abs=1e-6)


@pytest.mark.parametrize("old", [(4, 7), (64, 64), (400, 310)])
def test_resizing_is_that_of_tensorflow_1(old):
    image = torch.rand(1, 1, *old, generator=torch.Generator().manual_seed(2))
    resized = inception.resize_as_tensorflow(image, 299)
    assert resized.shape == (1, 1, 299, 299)
    for row, column in [(0, 0), (1, 298), (150, 149), (298, 298), (297, 3)]:
        y, x = row * old[0] / 299, column * old[1] / 299
        top, left = int(y), int(x)
        below, right = min(top + 1, old[0] - 1), min(left + 1, old[1] - 1)
        y, x = y - top, x - left
        pixels = image[0, 0]
        above = float(pixels[top, left]) * (1 - x) + float(pixels[top, right]) * x
        under = float(pixels[below, left]) * (1 - x) + float(pixels[below, right]) * x
        expected = above * (1 - y) + under * y
        assert float(resized[0, 0, row, column]) == pytest.approx(expected, abs=1e-4)


def test_an_image_of_the_right_size_stays_as_it_is():
    image = torch.rand(1, 1, 299, 299)
    assert torch.equal(inception.resize_as_tensorflow(image, 299), image)


def test_averages_leave_out_what_is_beyond_the_border():
    block = BlockA(1, 2)
    torch.nn.init.ones_(block.branch_pool.weight)
    torch.nn.init.zeros_(block.branch_pool.bias)
    with torch.inference_mode():
        answer = block(torch.full((1, 1, 5, 5), 3.0))
    assert torch.allclose(answer[:, -2:], torch.full((1, 2, 5, 5), 3.0))


@pytest.mark.parametrize("largest", [True, False])
def test_the_last_block_alone_takes_the_largest(largest):
    block = BlockE(1, largest=largest)
    torch.nn.init.ones_(block.branch_pool.weight)
    torch.nn.init.zeros_(block.branch_pool.bias)
    image = torch.zeros(1, 1, 8, 8)
    image[..., 4, 4] = 9
    with torch.inference_mode():
        pooled = block(image)[:, -1]
    around = functional.pad(torch.full((1, 3, 3), 9.0 if largest else 1.0), (3, 2, 3, 2))
    assert torch.allclose(pooled, around)
    assert [inception.Inception().Mixed_7b.largest, inception.Inception().Mixed_7c.largest] == [
        False,
        True,
    ]


@pytest.mark.parametrize("content", [None, b"", b"not the weights"])
def test_missing_and_other_files_are_refused(tmp_path, content):
    path = tmp_path / "weights.pth"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=r"expected .*6726825d"):
        inception_v3(path)
