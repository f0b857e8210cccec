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
    monkeypatch.setattr(flow_update, "BASE_CHANNELS", 32)
    monkeypatch.setattr(sys, "argv", ["flow_update.py", "--repeats", "1"])
    flow_update.main()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" | ")[:2] for line in lines if line[2:6] in ("bf16", "fp32")] == [
        ["| bf16", "4"], ["| bf16", "16"], ["| fp32", "4"], ["| fp32", "16"],
    ]  # fmt: skip
    kernels = [line.split(" | ")[:2] for line in lines if line.startswith("| 48 x")]
    assert ["| 48 x 432", "6"] in kernels
