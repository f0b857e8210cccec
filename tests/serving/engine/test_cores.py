import os

import pytest

from mrigen.serving.engine.cores import lanes_for


@pytest.mark.parametrize(
    ("quota", "lanes"),
    [
        ("100000 100000", 1),
        ("50000 100000", 1),
        ("max 100000", len(os.sched_getaffinity(0))),
        ("99900000 100000", len(os.sched_getaffinity(0))),
        ("", len(os.sched_getaffinity(0))),
    ],
)
def test_a_processor_has_a_lane_per_core_that_may_be_used(tmp_path, quota, lanes):
    path = tmp_path / "cpu.max"
    path.write_text(quota)
    assert lanes_for("cpu", path) == lanes


def test_an_accelerator_has_one_lane():
    assert lanes_for("cuda:1") == 1
    assert lanes_for("mps") == 1
