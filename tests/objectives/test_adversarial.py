"""What each of two networks is shown, told and charged with in its phase."""

import pytest
import torch

from adversarial_games import (
    CPU,
    EVERYTHING,
    GAMES,
    GAN,
    PLAIN,
    batch,
    bind,
    generated,
    judged,
    play,
)
from mrigen.config import parse_config
from mrigen.errors import ConfigError, ModelError
from mrigen.objectives.adversarial import AdversarialConfig
from mrigen.training.loop import validate


@pytest.mark.parametrize("loss", GAMES)
def test_each_phase_has_gradients_for_its_own_network_alone(loss):
    objective = play(loss)
    parts = [objective.network.discriminator, objective.network.generator]
    objective.loss("discriminator", batch())["loss"].backward()
    assert [any(p.grad is not None for p in part.parameters()) for part in parts] == [True, False]
    objective.network.zero_grad()
    # As in the loop: the discriminator has moved, in place, when the generator's turn comes.
    given = batch()
    objective.loss("discriminator", given)
    weights = list(objective.network.generator.parameters())
    with torch.no_grad():
        for weight in objective.network.discriminator.parameters():
            weight.add_(0.01)
    torch.autograd.backward(objective.loss("generator", given)["loss"], inputs=weights)
    assert all(weight.grad.abs().sum() > 0 for weight in weights)
    assert all(p.grad is None for p in objective.network.discriminator.parameters())


def test_validation_records_no_graph_and_forgets_nothing_of_training():
    objective = play("non_saturating")
    given = batch()
    objective.loss("discriminator", given)
    answers = generated(objective)
    terms = validate(objective, [given], seed=0, runtime=CPU)
    assert [answer.requires_grad for answer in answers] == [False, False]
    assert terms["discriminator_loss"] == terms["discriminator_game"]


def test_images_of_another_batch_are_not_taken_for_this_one():
    objective = play("non_saturating")
    answers = generated(objective)
    objective.loss("discriminator", batch())
    objective.loss("generator", batch())  # equal, yet not the same
    assert len(answers) == 2


def test_the_generator_answers_for_the_images_that_were_judged():
    objective = bind(PLAIN, loss="non_saturating", diff_augment=EVERYTHING)
    questions, given = judged(objective), batch()
    objective.loss("discriminator", given)
    objective.loss("generator", given)
    real, fake, again = questions
    assert not torch.equal(real, given.target)  # both kinds are augmented
    assert torch.equal(fake, again)
    assert not fake.requires_grad
    assert again.requires_grad


def test_evaluation_mode_augments_nothing():
    objective = bind(PLAIN, diff_augment=EVERYTHING)
    objective.network.eval()
    questions, given = judged(objective), batch()
    objective.loss("discriminator", given)
    assert torch.equal(questions[0], given.target)


def test_the_weights_of_the_penalties_count():
    shares = {"r1_weight": 0.5, "r2_weight": 0.5, "gradient_penalty": 1.0}
    for key, share in shares.items():
        terms = []
        for weight in (2.0, 6.0):
            objective = bind(PLAIN, **{key: weight})
            torch.manual_seed(4)
            terms.append(objective.loss("discriminator", batch()))
        penalty = terms[0][key.removesuffix("_weight")]
        assert penalty > 0
        difference = (terms[1]["loss"] - terms[0]["loss"]).detach()
        torch.testing.assert_close(difference, 4 * share * penalty)


def test_r2_is_the_slope_at_what_was_generated():
    objective = bind(PLAIN, r2_weight=1.0)
    questions = judged(objective)
    terms = objective.loss("discriminator", batch())
    fake = questions[1].detach().requires_grad_()
    (slope,) = torch.autograd.grad(objective.network.discriminator(fake).sum(), fake)
    torch.testing.assert_close(terms["r2"], slope.square().sum((1, 2, 3)).mean())


@pytest.mark.parametrize("normalisation", ["batch", "spectral", "none"])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_bfloat16_penalties_are_finite_and_near_those_of_float32(normalisation, layout):
    weights = {"r1_weight": 1.0, "r2_weight": 1.0}
    if normalisation != "batch":
        weights["gradient_penalty"] = 1.0
    terms = []
    for enabled in (False, True):
        objective = bind(GAN | {"normalisation": normalisation}, **weights)
        objective.network.to(memory_format=layout)
        torch.manual_seed(5)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
            terms.append(objective.loss("discriminator", batch(32)))
    exact, rough = terms
    for name, value in rough.items():
        assert value.dtype == torch.float32
        assert value.item() == pytest.approx(exact[name].item(), rel=0.05, abs=0.01), name
    rough["loss"].backward()
    gradients = [weight.grad for weight in objective.network.discriminator.parameters()]
    assert all(torch.isfinite(gradient).all() for gradient in gradients)
    assert sum(gradient.abs().sum() for gradient in gradients) > 0


def test_both_networks_are_told_how_images_were_augmented():
    objective = bind(PLAIN | {"label_size": 2}, gradient_penalty=1.0)
    label = torch.rand(8, 2)
    told = []
    for part in (objective.network.generator, objective.network.discriminator):
        part.register_forward_pre_hook(lambda _, arguments: told.append(arguments[1]))
    given = batch(label=label)
    objective.loss("discriminator", given)
    objective.loss("generator", given)
    assert len(told) == 5  # made; judged as real, as generated, between the two, and again
    assert all(each is label for each in told)


def test_a_pair_without_labels_is_told_nothing():
    objective = bind(PLAIN)
    terms = []
    for label in (None, torch.rand(8, 2)):
        torch.manual_seed(0)
        terms.append(objective.loss("discriminator", batch(label=label))["loss"])
    assert torch.equal(*terms)


def test_refuses_a_gradient_penalty_with_batch_normalisation():
    with pytest.raises(ModelError, match=r"'gradient_penalty' is 10 .* 'normalisation' to none"):
        bind(GAN, loss="wasserstein", gradient_penalty=10)


def test_refuses_a_wasserstein_critic_without_bounds():
    with pytest.raises(ModelError, match="set 'gradient_penalty' to 10"):
        bind(PLAIN, loss="wasserstein")
    bind(GAN | {"normalisation": "spectral"}, loss="wasserstein")


@pytest.mark.parametrize("cause", [{"loss": "saturating_double_sigmoid"}, {"simultaneous": True}])
def test_refuses_more_critic_steps_where_both_move_at_once(cause):
    values = {"name": "adversarial", "critic_steps": 2} | cause
    with pytest.raises(ConfigError, match=r"'critic_steps' is 2: expected 1, because with '?\w+"):
        parse_config(AdversarialConfig, values, source="params.yaml")
