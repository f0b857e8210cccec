"""Which devices the workers of a study take in turn."""

import pytest
import torch

from mrigen.errors import ConfigError
from mrigen.stages.own_process import KilledError
from mrigen.stages.tuning import devices as stage
from mrigen.stages.tuning.devices import find_devices


def test_the_processor_is_one_device():
    assert find_devices("cpu", "fp32") == ("cpu",)


def test_a_precision_that_the_processor_lacks_is_refused():
    with pytest.raises(ConfigError, match="precision 'tf32' is not known to the device 'cpu'"):
        find_devices("cpu", "tf32")


@pytest.mark.parametrize(
    ("asked", "found"),
    [("auto", ("cuda:0", "cuda:1")), ("cuda", ("cuda:0", "cuda:1")), ("cuda:1", ("cuda:1",))],
)
def test_gpus_are_taken_all_unless_one_is_named(asked, found, monkeypatch):
    looked_at = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(stage, "choose_runtime", lambda **words: looked_at.append(words["device"]))
    monkeypatch.setattr(stage, "answer_from_own_process", lambda function, task: function(task))
    assert find_devices(asked, "fp32") == tuple(looked_at) == found


def test_a_device_that_kills_its_process_is_refused(monkeypatch):
    def killed(*_):
        raise KilledError("its process was ended by SIGSEGV")

    monkeypatch.setattr(stage, "answer_from_own_process", killed)
    with pytest.raises(ConfigError, match="'cuda:0' cannot be used here: its process was ended"):
        find_devices("cuda:0", "fp32")
