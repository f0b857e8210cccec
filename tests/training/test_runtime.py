"""Words of the command line that decide where and how numbers are computed."""

import pytest
import torch

from mrigen.errors import ConfigError
from mrigen.training.runtime import choose_runtime


def test_tf32_is_refused_where_there_is_none():
    with pytest.raises(ConfigError, match="'tf32' is not known to the device 'cpu'"):
        choose_runtime(device="cpu", precision="tf32")


def test_only_what_changes_bytes_belongs_to_the_arithmetic():
    plain = choose_runtime(device="cpu")
    assert plain.arithmetic == choose_runtime(device="cpu", workers=2, resident="on").arithmetic
    assert plain.arithmetic != choose_runtime(device="cpu", compiled=True).arithmetic
    assert plain.arithmetic != choose_runtime(device="cpu", precision="bf16").arithmetic


def test_autocast_is_for_bf16_alone():
    product = torch.ones(2, 2)
    for precision, expected in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        with choose_runtime(device="cpu", precision=precision).autocast():
            assert (product @ product).dtype == expected
