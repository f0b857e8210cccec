import sys

import flow_update
import torch

from mrigen.training.muon import orthogonalised


def test_both_ways_of_a_step_come_near_to_the_exact_one():
    matrix = torch.randn(40, 300, generator=torch.Generator().manual_seed(0))
    truth = flow_update.exact(matrix)
    for way in (orthogonalised, flow_update.by_rows):
        assert (way(matrix) - truth).norm() < 0.04 * truth.norm()


def test_every_size_is_timed(monkeypatch, capsys):
    monkeypatch.setattr(flow_update, "PLACES", (4, 16))
    monkeypatch.setattr(flow_update, "KERNELS", ((8, 40),))
    monkeypatch.setattr(sys, "argv", ["flow_update.py", "--repeats", "1"])
    flow_update.main()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" | ")[:2] for line in lines if "float" in line] == [
        ["| bfloat16", "4"], ["| bfloat16", "16"], ["| float32", "4"], ["| float32", "16"],
    ]  # fmt: skip
    assert lines[-1].startswith("| 8 x 40 | ")
