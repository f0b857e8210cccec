import sys

import flow_cost
import pytest
import yaml

ENTRY = {
    "network": {
        "name": "flow",
        "base_channels": 16,
        "depth": 1,
        "conditions": {"age": [18, 90], "sex": True},
        "autoguidance": {"weight": 2.0},
        "sampling": {"steps": 2, "quick_steps": 1, "guidance": 1.5},
    },
    "objective": {"name": "flow_matching"},
    "training": {"batch_size": 4, "optimizer": "muon"},
}


def test_training_and_drawing_of_an_entry_are_timed(tmp_path, monkeypatch, capsys):
    (tmp_path / "flow.yaml").write_text(yaml.safe_dump(ENTRY))
    monkeypatch.setattr(flow_cost, "SIZES", (16, 32))
    words = ["--flow", str(tmp_path / "flow.yaml"), "--images", "4", "--repeats", "1"]
    monkeypatch.setattr(sys, "argv", ["flow_cost.py", *words, "--slices", "16", "--threads", "1"])
    flow_cost.main()
    lines = capsys.readouterr().out.splitlines()
    sizes = [line.split(" | ") for line in lines if line.startswith(("| 16 x", "| 32 x"))]
    adds, ratios, pixels = ([float(line[column]) for line in sizes] for column in (1, 3, 4))
    assert pixels == [1, 4]
    assert adds[1] == pytest.approx(4 * adds[0], rel=0.5)  # rounded to a million
    assert ratios[0] == 1
    assert [line.split(" | ")[:2] for line in lines[-2:]] == [["| quick", "1"], ["| full", "2"]]
