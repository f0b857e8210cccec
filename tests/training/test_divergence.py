"""A loss that is no number is found, wherever it is computed."""

import pytest
import torch

from mrigen.training.divergence import DivergenceError, LossWatch, require_finite

GPU = torch.device("cuda")  # only asked for its kind


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_cpu_looks_at_once(value):
    watch = LossWatch(torch.device("cpu"))
    watch.note(1, "loss", torch.tensor(1.0))
    with pytest.raises(DivergenceError, match=rf"step 2, where 'loss' is {value}.*'clip_norm'"):
        watch.note(2, "loss", torch.tensor(value))


def test_elsewhere_losses_are_looked_at_together():
    watch = LossWatch(GPU)
    watch.note(1, "discriminator_loss", torch.tensor(1.0))
    watch.note(1, "generator_loss", torch.tensor(float("nan"), dtype=torch.bfloat16))
    for step in range(2, 17):
        watch.note(step, "discriminator_loss", torch.tensor(1.0))
    with pytest.raises(DivergenceError, match="step 1, where 'generator_loss' is nan"):
        watch.note(17, "discriminator_loss", torch.tensor(float("nan")))
    watch.look()


def test_a_look_is_a_look():
    watch = LossWatch(GPU)
    watch.note(3, "loss", torch.tensor(float("inf")))
    with pytest.raises(DivergenceError, match="step 3"):
        watch.look()


def test_weights_are_named():
    fine = {"weight": torch.ones(3), "count": torch.tensor(2), "empty": torch.ones(0)}
    require_finite(fine, 5)
    with pytest.raises(DivergenceError, match="after step 5, where 'bias' has"):
        require_finite(fine | {"bias": torch.tensor([0.0, float("nan")])}, 5)
