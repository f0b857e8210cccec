import numpy as np
import pytest
import torch

from mrigen.errors import DataError
from mrigen.evaluation.usefulness.classifier import (
    LIGHT,
    MIRRORED,
    Classifier,
    Examples,
    Training,
    answer,
    build_classifier,
    classify,
    train_classifier,
)


def examples(count=60, seed=0, size=16):
    """Noise, in the second class with a grid of dark lines."""
    stream = np.random.default_rng(seed)
    images = stream.integers(0, 256, (count, 1, size, size), np.uint8)
    labels = np.arange(count) % 3 // 2  # twice as many of the first class
    images[labels == 1, :, ::4] //= 4
    return Examples(images, labels)


def train(steps=40, seed=0, given=None, augmentation=LIGHT):
    given = examples() if given is None else given
    return train_classifier(given, classes=2, training=Training(steps, augmentation, seed))


def weights(network):
    return torch.nn.utils.parameters_to_vector(network.parameters()).detach()


def test_learns_what_can_be_learned():
    network, others = train(), examples(seed=1)
    assert (answer(network, others.images) == others.labels).mean() > 0.95


def test_shuffled_labels_are_not_told():
    stream, given = np.random.default_rng(2), examples(90)
    shuffled = Examples(given.images, stream.permutation(given.labels))
    others = examples(400, seed=1)
    network = train(given=shuffled)
    truth = stream.permutation(others.labels)
    assert abs((answer(network, others.images) == truth).mean() - 0.5) < 0.12


def test_the_seed_alone_decides_the_weights():
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    first = weights(train(steps=3, seed=1))
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(4)
    assert torch.equal(weights(train(steps=3, seed=1)), first)
    assert not torch.equal(weights(train(steps=3, seed=2)), first)


def test_threads_change_no_bit():
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        first = weights(train(steps=6))
        torch.set_num_threads(2)
        assert torch.equal(weights(train(steps=6)), first)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)


def test_an_answer_depends_on_its_own_image():
    network, images = train(steps=3), examples(70).images
    alone = np.concatenate([classify(network, images[[place]]) for place in (0, 65, 69)])
    assert np.allclose(classify(network, images)[[0, 65, 69]], alone, atol=1e-6)


def test_probabilities_sum_to_one():
    probabilities = classify(train(steps=3), examples(5).images)
    assert probabilities.shape == (5, 2)
    assert np.allclose(probabilities.sum(1), 1)


def test_batches_hold_as_many_of_each_class():
    # All but four are of the first class; without balance it would answer nothing else.
    given = examples(240)
    chosen = np.flatnonzero((given.labels == 0) | (np.arange(240) < 12))
    network = train(given=Examples(given.images[chosen], given.labels[chosen]))
    others = examples(seed=1)
    assert (answer(network, others.images[others.labels == 1]) == 1).mean() > 0.8


@pytest.mark.parametrize("size", [8, 16, 20, 64, 128, 256, 512])
def test_takes_images_of_any_size(size):
    network = build_classifier(3, size, seed=0)
    assert network(torch.rand(2, 1, size, size)).shape == (2, 3)


def test_has_a_few_ten_thousand_weights():
    counts = {s: sum(p.numel() for p in Classifier(2, s).parameters()) for s in (64, 256)}
    assert counts == {64: 24_754, 256: 98_866}


def test_mirroring_blurs_no_pixel():
    given = examples(4)
    seen = []

    class Spy(Classifier):
        def forward(self, images):
            seen.append(images)
            return super().forward(images)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mrigen.evaluation.usefulness.classifier.Classifier", Spy)
        train(steps=1, given=given, augmentation=MIRRORED)
    known = {image.tobytes() for image in given.images}
    known |= {np.ascontiguousarray(image[..., ::-1]).tobytes() for image in given.images}
    drawn = (seen[0] * 255).round().to(torch.uint8).numpy()
    assert {image.tobytes() for image in drawn} <= known


def test_refuses_to_learn_a_class_of_which_there_is_no_example():
    given = examples()
    with pytest.raises(DataError, match=r"classes \[0\]: expected some of each of 2"):
        train(given=Examples(given.images, np.zeros_like(given.labels)))
