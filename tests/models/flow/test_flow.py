"""What a flow promises beside what tests/contracts asks of every network."""

from functools import partial

import pytest
import torch
from torch.nn import functional

from mrigen.bundle import BundleConfig, load_bundle, save_bundle
from mrigen.errors import ModelError
from mrigen.models.build import build_network
from mrigen.models.flow.config import FlowConfig
from mrigen.models.flow.solver import follow
from mrigen.models.interfaces import Conditional, Quick, Sampler
from mrigen.models.sampling import CHUNK, draw_chunk
from small_models import FLOW, FLOWS, MODELS, SIZE, TOLD, phantoms, trained

GRID = (FLOW["block"] ** 2, SIZE // FLOW["block"], SIZE // FLOW["block"])
ASKED = [{}, {"age": 30.0}, {"age": 30.0, "sex": 1.0}, {"position_mm": 20.0, "modality": 1.0}] * 4


def flow(keys=FLOW, size=SIZE, **changes):
    torch.manual_seed(0)
    return build_network(FlowConfig.model_validate(keys | changes), size).eval()


def learnt(model="flow_told"):
    return trained(model)[0].final_network


def standard(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("model", FLOWS)
def test_is_a_sampler_that_can_be_asked_and_hurried(model):
    network = learnt(model)
    assert isinstance(network, Sampler)
    assert isinstance(network, Conditional)
    assert isinstance(network, Quick)
    assert network.noise_shape == (1, SIZE, SIZE)
    assert bool(network.conditions) == ("conditions" in MODELS[model][0])


@pytest.mark.parametrize("model", ["flow_told", "flow_guided", "flow_autoguided"])
def test_an_image_has_its_bytes_whatever_is_asked_for_beside_it(model):
    network = learnt(model)
    chunk = draw_chunk(network, range(CHUNK), ASKED)
    for row in (0, 3, 6, 15):
        assert torch.equal(chunk[row : row + 1], draw_chunk(network, [row], [ASKED[row]]))


@pytest.mark.parametrize("model", ["flow_told", "flow_guided", "flow_autoguided"])
def test_every_condition_changes_the_image(model):
    asked = [{}, {"age": 25.0}, {"age": 85.0}, {"sex": 0.0}, {"sex": 1.0}, {"modality": 0.0}]
    images = draw_chunk(learnt(model), [5] * len(asked), asked)
    assert len(torch.unique(images, dim=0)) == len(asked)


def test_what_the_network_is_not_told_is_refused():
    network, noise = learnt("flow"), standard(2, 1, SIZE, SIZE)
    with pytest.raises(ModelError, match="'age' is not known to the network: expected none at all"):
        network.sample(noise, {"age": torch.tensor([30.0, 40.0])})
    with pytest.raises(ModelError, match="'age' is 10: expected a number from 20 to 90"):
        learnt().sample_quickly(noise, {"age": torch.tensor([30.0, 10.0])})


def test_guidance_moves_images_of_which_something_is_asked_and_no_others():
    keys = MODELS["flow_guided"][0]
    network = learnt("flow_guided")
    plain = flow(keys, sampling={"steps": 6, "quick_steps": 2, "guidance": 1.0})
    plain.load_state_dict(network.state_dict())
    noise = standard(2, 1, SIZE, SIZE)
    told = {"age": torch.tensor([80.0, torch.nan])}
    with torch.inference_mode():
        guided, unguided = network.sample(noise, told), plain.sample(noise, told)
        nothing = plain.sample(noise)
    assert not torch.equal(guided[0], unguided[0])
    assert torch.equal(guided[1], nothing[1])


@pytest.mark.parametrize("model", ["flow_guided", "flow_autoguided"])
def test_guidance_of_zero_asks_for_nothing(model):
    ignoring = flow(MODELS[model][0], sampling={"quick_steps": 4, "guidance": 0.0})
    ignoring.load_state_dict(learnt(model).state_dict())
    noise = standard(2, 1, SIZE, SIZE)
    with torch.inference_mode():
        told = ignoring.sample_quickly(noise, {"age": torch.tensor([30.0, 80.0])})
        assert torch.equal(told, ignoring.sample_quickly(noise))


def test_slices_of_a_stack_are_drawn_with_a_guidance_of_their_own():
    keys = MODELS["flow_autoguided"][0]
    network = learnt("flow_autoguided")
    for quick in ("sample", "sample_quickly"):
        insisting = flow(keys, sampling={"steps": 10, "guidance": 3.0})
        insisting.load_state_dict(network.state_dict())
        plain = flow(keys, sampling={"steps": 10, "stack_guidance": 3.0})
        plain.load_state_dict(network.state_dict())
        noise, told = standard(2, 1, SIZE, SIZE), {"age": torch.tensor([30.0, 80.0])}
        with torch.inference_mode():
            before = getattr(plain, quick)(noise, told)
            drawn = getattr(plain.for_stacks(), quick)(noise, told)
            assert torch.equal(drawn, getattr(insisting, quick)(noise, told))
            assert torch.equal(getattr(plain, quick)(noise, told), before)
        assert not torch.equal(drawn, before)


@pytest.mark.parametrize(
    "sampling", [{}, {"guidance": 3.0}, {"guidance": 2.0, "stack_guidance": 2}]
)
def test_slices_of_a_stack_are_drawn_as_others_unless_it_says_otherwise(sampling):
    network = flow(MODELS["flow_autoguided"][0], sampling={"steps": 10, **sampling})
    assert network.for_stacks() is network


def test_what_is_not_said_of_stacks_is_not_written_either():
    written = FlowConfig.model_validate(MODELS["flow"][0]).model_dump(mode="json")
    assert "stack_guidance" not in written["sampling"]


def test_autoguidance_goes_away_from_the_guide_as_far_as_it_is_told():
    network, noise = learnt("flow_autoguided"), standard(2, 1, SIZE, SIZE)
    settings = MODELS["flow_autoguided"][0]["autoguidance"]
    plain, weaker = flow(TOLD), flow(TOLD)
    state = network.state_dict()
    guide = {"unet" + name[5:]: state[name] for name in state if name.startswith("guide.")}
    common = {name: state[name] for name in plain.state_dict()}
    plain.load_state_dict(common)
    weaker.load_state_dict(common | guide)
    told = {"age": torch.tensor([30.0, torch.nan])}

    def push(points, times):
        better, worse = (each.velocity(points, times, told) for each in (plain, weaker))
        pushed = worse + settings["weight"] * (better - worse)
        return torch.where(times[:, None, None, None] < settings["start"], better, pushed)

    begin = functional.pixel_unshuffle(noise, FLOW["block"])
    with torch.inference_mode():
        wanted = follow(
            push,
            begin,
            steps=6,
            last_step=0.25,
            last_velocity=partial(plain.velocity, conditions=told),
        )
        torch.testing.assert_close(network.sample(noise, told), network.to_images(wanted))
        assert not torch.equal(network.sample(noise, told), plain.sample(noise, told))


def test_autoguidance_that_starts_later_asks_the_guide_less_often(monkeypatch):
    network, noise = learnt("flow_autoguided"), standard(2, 1, SIZE, SIZE)
    asked = []
    guide = network.guide.forward
    monkeypatch.setattr(
        network.guide,
        "forward",
        lambda *given: (asked.append(given[1][0].item()), guide(*given))[1],
    )
    network.sample(noise)
    # Six steps of which the last, a quarter of the path, is not guided; each other one asks twice.
    assert asked == pytest.approx([0.3, 0.3, 0.45, 0.45, 0.6, 0.6, 0.75])


def test_a_flow_without_its_guide_yet_draws_as_one_that_has_none():
    keys, noise = MODELS["flow_autoguided"][0], standard(2, 1, SIZE, SIZE)
    assert torch.equal(flow(keys).sample(noise), flow(TOLD).sample(noise))


def test_only_autoguidance_has_a_guide_to_keep():
    assert flow(MODELS["flow_autoguided"][0]).guide_share == 0.4
    assert flow().guide_share is None


def test_images_come_back_from_the_end_of_the_path():
    images = torch.rand(2, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    network = flow()
    torch.testing.assert_close(network.to_images(network.to_data(images)), images)
    far = torch.zeros(2, *GRID)
    far[:, 0] = torch.tensor([50.0, -50.0])[:, None, None]
    assert (network.to_images(far) == torch.tensor([1.0, 0.0])[:, None, None, None]).all()


@pytest.mark.parametrize("autocast", [False, True])
@pytest.mark.parametrize("preconditioning", ["none", "edm"])
@pytest.mark.parametrize("whitening", [0.0, 0.5, 1.0])
def test_velocities_are_finite_numbers_at_both_ends_of_the_path(
    whitening, preconditioning, autocast
):
    network = flow(TOLD, preconditioning=preconditioning, whitening=whitening)
    network.measure([phantoms()])  # most of whose pixels are always the same
    with torch.no_grad():
        for weights in network.parameters():
            weights.add_(0.1 * torch.randn_like(weights))
    points = torch.cat([4 * standard(4, *GRID), network.to_data(phantoms(4))])
    times = torch.tensor([0.0, 1e-7, 1 - 1e-7, 1.0] * 2)
    told = {"age": torch.tensor([20.0, 90.0, torch.nan, 55.0] * 2)}
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        velocity = network.velocity(points, times, told)
    assert velocity.isfinite().all()
    assert velocity.dtype == torch.float32


def test_a_preconditioned_flow_starts_with_the_best_straight_line_through_the_points():
    network = flow(preconditioning="edm")
    noise, data = standard(2, 500, *GRID)
    for time in (0.0, 0.2, 0.5, 0.9, 1.0):
        points, wanted = torch.lerp(noise, data, time), data - noise
        slope = (points * wanted).mean() / points.square().mean()
        found = network.velocity(points[:2], torch.full((2,), time))
        torch.testing.assert_close(found, slope * points[:2], atol=0.03, rtol=0.03)
    # Data of which nothing but mean and variance is known are noise, and noise stays where it is.
    pixels = functional.pixel_shuffle(noise[:2], FLOW["block"])
    sampled = flow(preconditioning="edm", sampling={"steps": 30, "last_step": 0}).sample(pixels)
    torch.testing.assert_close(sampled, network.to_images(noise[:2]), atol=0.01, rtol=0)


def test_a_flow_without_preconditioning_starts_with_no_velocity():
    network = flow(preconditioning="none")
    assert not network.velocity(standard(2, *GRID), torch.tensor([0.1, 0.9])).any()


def test_quick_images_are_near_to_the_others():
    network, noise = learnt(), standard(8, 1, SIZE, SIZE)
    with torch.inference_mode():
        slow, quick = network.sample(noise), network.sample_quickly(noise)
    assert not torch.equal(slow, quick)
    assert (slow - quick).abs().mean() < 0.5 * (slow - slow.roll(1, 0)).abs().mean()


@pytest.mark.parametrize("model", ["flow_guided", "flow_autoguided"])
def test_a_bundle_draws_the_same_bytes(model, tmp_path):
    network, digests = learnt(model), []
    config = {"model": "flow", "image_size": SIZE, "network": MODELS[model][0]}
    for folder in ("one", "two"):
        path = tmp_path / folder
        digests.append(
            save_bundle(path, network, config=BundleConfig.model_validate(config), card={})
        )
        network = load_bundle(path).model
    again = load_bundle(tmp_path / "one").model
    assert digests[0] == digests[1]
    assert again.conditions == network.conditions
    seeds = range(CHUNK)
    assert torch.equal(draw_chunk(again, seeds, ASKED), draw_chunk(network, seeds, ASKED))


@pytest.mark.parametrize(
    ("keys", "size", "words"),
    [
        ({"block": 4, "depth": 2}, 40, "block 4 and depth 2: expected a multiple of 16"),
        ({"block": 8, "depth": 0}, 12, "expected a multiple of 8"),
        ({"block": 1, "depth": 0}, 72, "has 5,184 places at images of 72 pixels: expected at most"),
        ({"block": 1, "depth": 3, "attention_levels": 4}, 72, "'attention_levels' is 4, and"),
    ],
)
def test_refuses_images_that_it_cannot_work_at(keys, size, words):
    with pytest.raises(ModelError, match=words), torch.device("meta"):
        flow(FLOW | keys, size=size)


@pytest.mark.parametrize(
    "keys",
    [{"depth": 0}, {"depth": 1}, {"depth": 1, "attention_levels": 2}, {"attention_levels": 0}],
)
def test_takes_images_at_which_attention_looks_at_few_places(keys):
    with torch.device("meta"):
        assert flow(FLOW | {"block": 1} | keys, size=64).image_size == 64
        assert flow(FLOW | {"block": 1, "depth": 1}, size=128).image_size == 128


@pytest.mark.parametrize(
    "keys",
    [
        {"block": 1, "depth": 2},
        {"block": 4, "depth": 0, "attention_levels": 6},
        {"residual_blocks": 2, "attention_levels": 2},
        {"base_channels": 40, "block": 8},
    ],
)
def test_any_sizes_make_a_network_that_answers(keys):
    network = flow(FLOW | keys)
    points = network.to_data(torch.rand(2, 1, SIZE, SIZE))
    assert network.velocity(points, torch.rand(2)).shape == points.shape
    assert network.sample_quickly(standard(2, 1, SIZE, SIZE)).shape == (2, 1, SIZE, SIZE)
