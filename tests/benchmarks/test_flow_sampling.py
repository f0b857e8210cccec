import sys

import flow_sampling
import pytest
import torch

import tiny_project
from judged_cases import pixels
from mrigen.bundle import BundleConfig, save_bundle
from mrigen.models.build import build_network

NETWORK = {
    "name": "flow",
    "base_channels": 8,
    "depth": 1,
    "autoguidance": {"weight": 2.0, "start": 0.2},
    "sampling": {"steps": 4, "last_step": 0.1},
}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    path = tmp_path_factory.mktemp("bundles") / "flow"
    return saved(path, NETWORK)


def saved(path, network, *, guided=True):
    """Write the bundle of a network whose weights are not those it starts with."""
    config = BundleConfig.model_validate(
        {"model": "flow", "image_size": tiny_project.SIZE, "network": network}
    )
    made = build_network(config.network, tiny_project.SIZE)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        # The last layer of one that has learnt nothing is zero: it and its guide would draw alike.
        for weights in made.parameters():
            weights.add_(0.1 * torch.randn(weights.shape, generator=generator))
    if getattr(made, "guide", None) is not None:
        made.has_guide.fill_(guided)
    save_bundle(path, made, config=config, card={})
    return path


@pytest.fixture
def rows(project, monkeypatch, capsys):
    """What it prints, cell by cell, by what was tried."""

    def run(bundle, *tried):
        monkeypatch.setattr(flow_sampling, "efficientnet_lite0", lambda: pixels(tiny_project.SIZE))
        words = [str(project.root), str(bundle)]
        words += [word for each in tried for word in ("--try", each)]
        monkeypatch.setattr(sys, "argv", ["flow_sampling.py", *words])
        flow_sampling.main()
        lines = capsys.readouterr().out.splitlines()[2:]
        cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
        return {first: numbers for first, *numbers in cells}

    return run


def test_settings_are_judged_beside_those_of_the_training(rows, bundle):
    found = rows(bundle, "weight=2,start=0.2,steps=4", "start=0.6", "weight=5", "steps=2")
    assert list(found)[:2] == ["real training slices", "as trained"]
    numbers = {tried: each[:-1] for tried, each in found.items()}
    assert numbers.pop("weight=2,start=0.2,steps=4") == numbers["as trained"]
    assert len({tuple(each) for each in numbers.values()}) == len(numbers) == 5
    real = numbers.pop("real training slices")
    assert all(float(real[0]) < float(each[0]) for each in numbers.values())


@pytest.mark.parametrize(
    ("tried", "complaint"),
    [
        ("temperature=2", "no setting 'temperature': expected one of weight, start"),
        ("start=0.8", "expected an 'autoguidance.start' of at most 0.75, where the last step"),
        ("weight=0.5", "--try weight=0.5: 'autoguidance.weight' is '0.5': expected"),
        ("steps=often", "'sampling.steps' is 'often'"),
    ],
)
def test_what_cannot_be_tried_is_said_before_anything_is_drawn(rows, bundle, tried, complaint):
    with pytest.raises(SystemExit, match=complaint):
        rows(bundle, "weight=3", tried)


def test_only_a_flow_with_a_guide_is_pushed_less(rows, tmp_path):
    plain = {name: value for name, value in NETWORK.items() if name != "autoguidance"}
    with pytest.raises(SystemExit, match="the flow has no guide: 'weight' has nothing to set"):
        rows(saved(tmp_path / "plain", plain), "weight=3")
    with pytest.raises(SystemExit, match="the flow has no guide: 'start' has nothing to set"):
        rows(saved(tmp_path / "early", NETWORK, guided=False), "start=0.3")
    with pytest.raises(SystemExit, match="is no flow"):
        rows(saved(tmp_path / "vae", {"name": "vae", "base_channels": 8}), "steps=3")
