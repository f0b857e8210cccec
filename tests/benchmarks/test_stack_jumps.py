import math
import sys

import pytest
import stack_jumps
import torch

import tiny_project
from mrigen.bundle import BundleConfig, save_bundle
from mrigen.models.build import build_network

POSITIONS = [float(place) for place in range(0, 40, 2)]


def stack_of(greys):
    return torch.tensor(greys).view(-1, 1, 1, 1).expand(-1, 1, 4, 4).contiguous()


def noise_of(shared):
    return stack_jumps.mixed_noise(3, POSITIONS, (1, 32, 32), shared=shared, turn_mm=20.0)


def saved(path, network):
    config = BundleConfig.model_validate(
        {"model": "flow", "image_size": tiny_project.SIZE, "network": network}
    )
    made = build_network(config.network, tiny_project.SIZE)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        # The last layer of one that has learnt nothing is zero: it would not heed positions.
        for weights in made.parameters():
            weights.add_(0.1 * torch.randn(weights.shape, generator=generator))
    save_bundle(path, made, config=config, card={})
    return path


def test_even_steps_are_no_jump():
    found = stack_jumps.evenness(stack_of([0.2, 0.3, 0.4, 0.5]))
    assert found.jump == pytest.approx(1)
    assert found.roughness == pytest.approx(0, abs=1e-6)


def test_a_stack_that_stands_still_and_jumps_is_told_from_an_even_one():
    found = stack_jumps.evenness(stack_of([0.2, 0.21, 0.22, 0.62, 0.63, 0.64]))
    assert found.jump == pytest.approx(40, rel=1e-3)
    assert found.largest == pytest.approx(0.4)
    assert found.median == pytest.approx(0.01, rel=1e-3)


def test_a_stack_that_mostly_repeats_itself_jumps_beyond_all_bounds():
    assert stack_jumps.evenness(stack_of([0.2, 0.2, 0.2, 0.5])).jump == math.inf


def test_air_is_left_out():
    stack = torch.nn.functional.pad(stack_of([0.2, 0.3, 0.4, 0.6]), (0, 40))
    assert stack_jumps.evenness(stack).largest == pytest.approx(0.2)


@pytest.mark.parametrize("shared", [0.0, 0.5, 1.0])
def test_mixed_noise_is_standard_normal_and_shared_as_asked(shared):
    noise = noise_of(shared).flatten(1)
    assert noise.std(1).tolist() == pytest.approx([1] * len(POSITIONS), abs=0.1)
    # Positions 0 and 20 mm lie a whole turn apart.
    assert float(torch.corrcoef(noise[[0, 10]])[0, 1]) == pytest.approx(shared, abs=0.1)


def test_a_row_for_each_share_follows_that_of_real_stacks(project, tmp_path, monkeypatch, capsys):
    network = {
        "name": "flow",
        "base_channels": 8,
        "depth": 1,
        "conditions": {"position_mm": [-40, 40]},
        "sampling": {"steps": 4},
    }
    bundle = saved(tmp_path / "flow", network)
    words = [str(project.root), str(bundle), "--stacks", "2", "--shared", "1", "--shared", "0.5"]
    monkeypatch.setattr(sys, "argv", ["stack_jumps.py", *words])
    stack_jumps.main()
    rows = capsys.readouterr().out.splitlines()[2:]
    assert [row.split(" | ")[0].removeprefix("| ") for row in rows[1:]] == [
        "100% of the noise shared",
        "50% of the noise shared",
    ]
    assert rows[0].endswith("| 1.00 |")


def test_a_network_that_takes_no_positions_is_refused(project, tmp_path, monkeypatch):
    bundle = saved(tmp_path / "vae", {"name": "vae"})
    monkeypatch.setattr(sys, "argv", ["stack_jumps.py", str(project.root), str(bundle)])
    with pytest.raises(SystemExit, match="cannot be told positions"):
        stack_jumps.main()


@pytest.mark.parametrize("shared", ["-0.1", "1.1", "nan"])
def test_a_share_that_is_none_is_refused(shared, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["stack_jumps.py", "project", "bundle", f"--shared={shared}"])
    with pytest.raises(SystemExit, match="expected a share from 0 to 1"):
        stack_jumps.main()
