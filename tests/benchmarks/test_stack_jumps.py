import math
import sys

import pytest
import stack_jumps
import torch

from small_bundles import write_bundle


def stack_of(greys):
    return torch.tensor(greys).view(-1, 1, 1, 1).expand(-1, 1, 4, 4).contiguous()


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


@pytest.fixture
def run(project, monkeypatch, capsys):
    """What it prints of a bundle, row by row."""

    def rows(bundle, *words):
        told = ["stack_jumps.py", str(project.root), str(bundle), "--stacks", "2", *words]
        monkeypatch.setattr(sys, "argv", told)
        stack_jumps.main()
        return [
            [cell.strip() for cell in line.strip("|").split("|")]
            for line in capsys.readouterr().out.splitlines()[2:]
        ]

    return rows


def test_a_row_for_each_noise_follows_that_of_real_stacks(run, tmp_path):
    write_bundle(tmp_path / "flow", "flow")
    real, one, turning = run(tmp_path / "flow", "--turn-mm", "10")
    assert real[0].endswith("real heads")
    assert real[-1] == "1.00"
    assert [one[0], turning[0]] == ["one noise", "a noise that turns within 10 mm"]
    # Slices differ more from each other where their noise does.
    assert float(turning[3]) > float(one[3])


def test_a_network_that_takes_no_positions_is_refused(run, tmp_path):
    write_bundle(tmp_path / "gan", "gan")
    with pytest.raises(SystemExit, match="cannot be told positions"):
        run(tmp_path / "gan")


@pytest.mark.parametrize("way", ["0", "-1", "nan", "inf"])
def test_a_turn_within_no_way_is_refused(run, tmp_path, way):
    with pytest.raises(SystemExit, match="expected millimetres above 0"):
        run(tmp_path, f"--turn-mm={way}")
