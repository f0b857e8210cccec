import shutil

import numpy as np
import pytest
import torch

from mrigen.evaluation.usefulness.classifier import build_classifier
from mrigen.evaluation.usefulness.kept import kept_classifier


def weights(network):
    return torch.nn.utils.parameters_to_vector(network.parameters()).detach()


class Trainer:
    """Counts how often it is asked; what it makes depends on how often it was."""

    def __init__(self):
        self.asked = 0

    def __call__(self):
        self.asked += 1
        return build_classifier(2, 16, seed=self.asked).eval()


@pytest.fixture
def trainer():
    return Trainer()


def keep(folder, trainer, *words):
    return kept_classifier(folder, words, build_classifier(2, 16, seed=99), train=trainer)


def test_is_trained_once(tmp_path, trainer):
    first = keep(tmp_path, trainer, "a", 1)
    again = keep(tmp_path, trainer, "a", 1)
    assert trainer.asked == 1
    assert torch.equal(weights(first), weights(again))
    assert not again.training


def test_other_settings_are_trained_anew(tmp_path, trainer):
    keep(tmp_path, trainer, "a", 1)
    keep(tmp_path, trainer, "a", 2)
    assert trainer.asked == 2


def test_files_of_other_settings_are_not_taken(tmp_path, trainer):
    keep(tmp_path, trainer, "a")
    (first,) = tmp_path.iterdir()
    keep(tmp_path, trainer, "b")
    (second,) = set(tmp_path.iterdir()) - {first}
    shutil.copy(first, second)
    keep(tmp_path, trainer, "b")
    assert trainer.asked == 3


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(path.read_bytes()[:-9]),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"no array"),
        lambda path: path.write_bytes(b"PK\x03\x04 like an archive"),
        lambda path: np.save(path, np.array([{}]), allow_pickle=True),
        lambda path: np.save(path, np.zeros(3, np.float32)),
        lambda path: path.write_bytes(path.read_bytes()[:-1] + b"\x7f"),
    ],
)
def test_a_damaged_file_is_written_anew(tmp_path, trainer, damage):
    keep(tmp_path, trainer, "a")
    (path,) = tmp_path.iterdir()
    damage(path)
    fresh = keep(tmp_path, trainer, "a")
    assert trainer.asked == 2
    assert torch.equal(weights(keep(tmp_path, trainer, "a")), weights(fresh))
    assert trainer.asked == 2
