import numpy as np
import pytest
import torch

from judged_cases import Replay, case, heads, open_store
from mrigen.data.loader import TEST, TRAIN
from mrigen.evaluation.generation.sets import Sets, choose_sets


@pytest.mark.parametrize(("samples", "count"), [(10, 10), (1000, 24)])
def test_every_side_has_as_many_of_its_own_split(tmp_path, samples, count):
    made = case(tmp_path, Replay(heads(range(5))), samples=samples)
    sets = choose_sets(made)
    assert sets.count == len(sets.test) == len(sets.train) == count
    splits = open_store(tmp_path).manifest["split"].to_numpy()
    assert set(splits[sets.test]) == {TEST}
    assert set(splits[sets.train]) == {TRAIN}
    images, features = sets.images(), sets.features(made.extractor)
    for name in ("generated", "test", "train"):
        flat = getattr(images, name).flatten(1)
        assert torch.equal(getattr(features, name), flat)
        assert len(flat) == count


def test_of_many_images_some_are_resampled(tmp_path):
    made = case(tmp_path, Replay(heads(range(5))))
    rows = np.zeros(5000, np.int64)
    assert len(Sets(made, 24, rows[:24], rows[:24]).resampled) == 24
    resampled = Sets(made, 5000, rows, rows).resampled
    assert len(np.unique(resampled)) == 1024
    assert resampled[[0, -1]].tolist() == [0, 4999]
