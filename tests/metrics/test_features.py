import dataclasses
import math

import pytest
import torch
from torch import nn

from mrigen.errors import DataError, ModelError
from mrigen.metrics.features import FeatureExtractor, efficientnet_lite0


@pytest.fixture(scope="module")
def extractor():
    return efficientnet_lite0()


def ramp():
    line = torch.linspace(0, 1, 64)
    return (line[:, None] * line).view(1, 1, 64, 64)


def test_golden_features(extractor):
    # From this network, whose logits agree with an independent implementation to 2e-5.
    features = extractor(ramp())[0]
    assert features.shape == (1280,)
    assert float(features[2]) == pytest.approx(1.676352, abs=1e-3)
    assert float(features.mean()) == pytest.approx(0.082042, abs=1e-5)
    assert float(features.norm()) == pytest.approx(13.991287, abs=1e-3)


def test_images_are_resized_repeated_and_scaled(extractor):
    prepared = extractor.prepare(torch.stack([torch.zeros(1, 64, 64), torch.ones(1, 64, 64)]))
    assert prepared.shape == (2, 3, 224, 224)
    assert float(prepared[0].max()) == float(prepared[0].min()) == -127 / 128
    assert float(prepared[1].max()) == float(prepared[1].min()) == 1.0


def test_shrinking_is_antialiased(extractor):
    stripes = torch.arange(448).remainder(2).float().expand(1, 1, 448, 448)
    prepared = extractor.prepare(stripes)
    middle = prepared[..., 8:-8]
    assert float(middle.max() - middle.min()) < 0.01


def test_features_do_not_depend_on_the_chunk(extractor):
    images = torch.rand(5, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(extractor(images, chunk=2), extractor(images, chunk=5), atol=1e-4)


def test_no_images_have_no_features(extractor):
    assert extractor(torch.empty(0, 1, 8, 8)).shape == (0, 1280)


def test_other_shapes_are_refused(extractor):
    with pytest.raises(DataError, match=r"expected \(N, 1, H, W\)"):
        extractor(torch.zeros(2, 3, 8, 8))


def flat(features=16):
    return FeatureExtractor("flat", nn.Flatten(), features, 1, 4, (0.0, 1.0))


def test_a_network_without_parameters_will_do():
    images = torch.rand(3, 1, 4, 4)
    assert torch.equal(flat()(images, chunk=2), images.flatten(1))


def test_answers_that_are_no_features_are_refused():
    images = torch.rand(3, 1, 4, 4)
    with pytest.raises(
        ModelError, match=r"'flat' answers 3 images with \(3, 16\): expected \(3, 9\)"
    ):
        flat(9)(images)
    spoilt = dataclasses.replace(flat(), value_range=(0.0, math.inf))
    with pytest.raises(ModelError, match="not finite"):
        spoilt(images)


def test_resizing_is_the_extractors_own():
    own = dataclasses.replace(flat(), resize=lambda images, size: images[..., :size, :size])
    images = torch.rand(1, 1, 9, 9)
    assert torch.equal(own(images), images[..., :4, :4].flatten(1))
