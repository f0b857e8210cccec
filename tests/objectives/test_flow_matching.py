import pytest
import torch

from mrigen.config import parse_config
from mrigen.data.loader import Batch
from mrigen.errors import ConfigError, ModelError
from mrigen.models.build import build_network
from mrigen.models.flow.config import FlowConfig
from mrigen.models.sampling import draw_samples
from mrigen.objectives.build import build_objective
from mrigen.objectives.flow_matching import FlowMatchingConfig
from mrigen.training.config import TrainingConfig
from mrigen.training.loop import fit, start_state
from small_models import CPU, FLOW, SIZE, TOLD

GRID = (FLOW["block"] ** 2, SIZE // FLOW["block"], SIZE // FLOW["block"])


def objective(keys=FLOW, **changes):
    torch.manual_seed(0)
    network = build_network(FlowConfig.model_validate(keys), SIZE)
    return build_objective(parsed(**changes), network)


def parsed(**changes):
    values = {"name": "flow_matching", **changes}
    return parse_config(FlowMatchingConfig, values, source="params.yaml")


def batch_of(images, conditions=None, label=None):
    patch = torch.zeros_like(images, dtype=torch.bool)
    return Batch(images, images, patch, torch.arange(len(images)), label, conditions)


def as_data(bound, data):
    """Let the path end where `data` lie, which are no images."""

    def to_data(images):
        assert images is data
        return data

    bound.network.to_data = to_data
    return batch_of(data)


def told_in(bound, batch):
    """What the network is told in one loss."""
    seen = {}
    answer = bound.network.velocity

    def velocity(points, times, conditions, label):
        seen.update(times=times, conditions=conditions, label=label)
        return answer(points, times, conditions, label)

    bound.network.velocity = velocity
    bound.loss("network", batch)
    return seen


def test_an_answer_of_zero_costs_about_two():
    bound = objective(FLOW | {"preconditioning": "none"})  # zero until it has learned
    batch = as_data(bound, torch.randn(64, *GRID))
    torch.manual_seed(1)
    assert bound.loss("network", batch)["loss"].item() == pytest.approx(2, rel=0.03)


def test_the_right_velocity_costs_what_cannot_be_known():
    bound = objective(FLOW | {"preconditioning": "edm"})  # which is right for normal data
    batch = as_data(bound, torch.randn(512, *GRID))
    torch.manual_seed(1)
    with torch.no_grad():
        loss = bound.loss("network", batch)["loss"].item()
    t = torch.sigmoid(torch.randn(100_000))
    assert loss == pytest.approx((1 / (t.square() + (1 - t).square())).mean().item(), rel=0.03)


def test_times_are_those_of_the_configuration():
    bound = objective(time_mean=1.0, time_std=0.8)
    torch.manual_seed(0)
    times = told_in(bound, batch_of(torch.rand(4000, 1, SIZE, SIZE)))["times"]
    logits = torch.logit(times)
    assert logits.mean().item() == pytest.approx(1.0, abs=0.06)
    assert logits.std().item() == pytest.approx(0.8, abs=0.06)


def test_conditions_are_held_back_all_at_once_and_one_by_one():
    count = 4000
    told = {"age": torch.full((count,), 40.0), "sex": torch.ones(count)}
    bound = objective(TOLD, condition_dropout=0.2, condition_noise=0)
    torch.manual_seed(0)
    seen = told_in(bound, batch_of(torch.rand(count, 1, SIZE, SIZE), told))["conditions"]
    assert set(seen) == {"age", "sex"}
    no_age, no_sex = seen["age"].isnan(), seen["sex"].isnan()
    neither = 0.2 + 0.8 * 0.2 * 0.2
    assert (no_age & no_sex).float().mean().item() == pytest.approx(neither, abs=0.03)
    for one, other in ((no_age, no_sex), (no_sex, no_age)):
        alone = (one & ~other).float().mean().item()
        assert alone == pytest.approx(0.8 * 0.2 * 0.8, abs=0.03)
    assert (seen["age"][~no_age] == 40).all()
    assert not told["age"].isnan().any()  # the batch stays as it was


def test_nothing_or_nearly_all_is_held_back_at_the_ends():
    told = {"age": torch.full((16,), 40.0)}
    for share, missing in ((0.0, False), (1 - 1e-12, True)):
        bound = objective(TOLD, condition_dropout=share)
        seen = told_in(bound, batch_of(torch.rand(16, 1, SIZE, SIZE), told))
        assert (seen["conditions"]["age"].isnan() == missing).all()


def test_refuses_conditions_that_are_never_told():
    with pytest.raises(ModelError, match=r"'objective\.condition_dropout' is 1"):
        objective(TOLD, condition_dropout=1)
    assert objective(condition_dropout=1).network is not None


def test_numbers_are_told_with_noise_of_a_share_of_their_range_and_choices_as_they_are():
    count = 4000
    ages = torch.full((count,), 89.0)
    ages[::4] = torch.nan
    told = {"age": ages, "sex": torch.ones(count), "position_mm": torch.full((count,), -3.0)}
    bound = objective(TOLD, condition_dropout=0, condition_noise=0.05)
    torch.manual_seed(0)
    seen = told_in(bound, batch_of(torch.rand(count, 1, SIZE, SIZE), told))["conditions"]
    assert (seen["sex"] == 1).all()
    assert torch.equal(seen["age"].isnan(), ages.isnan())
    for name, mean, span in (("age", 89, 70), ("position_mm", -3, 100)):
        known = seen[name][~seen[name].isnan()]
        assert known.std().item() == pytest.approx(0.05 * span, rel=0.05)
        assert known.mean().item() == pytest.approx(mean, abs=0.3)


def test_what_the_network_does_not_know_it_is_not_told():
    told = {"age": torch.full((4,), 40.0), "height": torch.ones(4)}
    images, label = torch.rand(4, 1, SIZE, SIZE), torch.ones(4, 3)
    seen = told_in(objective(TOLD, condition_dropout=0), batch_of(images, told, label))
    assert set(seen["conditions"]) == {"age"}
    assert seen["label"] is None
    labelled = told_in(objective(FLOW | {"label_size": 3}), batch_of(images, told, label))
    assert not labelled["conditions"]
    assert torch.equal(labelled["label"], label)


def test_a_small_flow_learns_what_a_condition_stands_for():
    # Bright images of the young, dark ones of the old.
    bright = torch.tensor([True, False] * 8)
    ages = torch.where(bright, 25.0, 85.0)
    images = torch.where(bright, 0.8, 0.2)[:, None, None, None].expand(-1, 1, SIZE, SIZE)
    keys = TOLD | {"preconditioning": "edm", "attention_levels": 0}
    config = TrainingConfig(epochs=1, learning_rate=5e-3, ema_decay=None)
    state = start_state(objective(keys), config, CPU)
    torch.manual_seed(0)
    batches = iter(lambda: batch_of(images.contiguous(), {"age": ages}), None)
    list(fit(state, batches, config, steps_per_epoch=100, runtime=CPU))
    network = state.final_network.eval()
    young, old, anybody = (
        draw_samples(network, range(16), told).mean((1, 2, 3))
        for told in ({"age": 25.0}, {"age": 85.0}, {})
    )
    assert (young - 0.8).abs().mean() < 0.15
    assert (old - 0.2).abs().mean() < 0.15
    assert old.mean() < anybody.mean() < young.mean()


@pytest.mark.parametrize(
    "changes",
    [{"time_std": 0.4}, {"time_mean": 3.0}, {"time_mean": -5.0, "time_std": 1.5}],
)
def test_refuses_times_that_leave_out_an_end_of_the_path(changes):
    with pytest.raises(ConfigError, match=r"expected times that reach from 0\.2 to 0\.8"):
        parsed(**changes)


@pytest.mark.parametrize(
    "changes", [{"time_std": 0.5}, {"time_mean": 1.2, "time_std": 1.2}, {"time_std": 5}]
)
def test_takes_times_of_the_published_recipes(changes):
    assert parsed(**changes).time_std == changes["time_std"]


def test_refuses_guidance_by_a_network_that_is_always_told():
    for name in ("guidance", "stack_guidance"):
        guided = TOLD | {"sampling": {name: 2.0}}
        with pytest.raises(ModelError, match=rf"'network\.sampling\.{name}' is 2 and"):
            objective(guided, condition_dropout=0)
        assert objective(guided).network is not None
    no_stacks = TOLD | {"conditions": {"age": [20, 90]}, "sampling": {"stack_guidance": 2.0}}
    assert objective(no_stacks, condition_dropout=0).network is not None
    assert objective(FLOW | {"sampling": {"guidance": 2.0}}, condition_dropout=0).network
