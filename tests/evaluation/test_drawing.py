import numpy as np
import torch

from judged_cases import Replay, heads
from mrigen.evaluation.drawing import drawn_conditions, drawn_rows, generate
from mrigen.models.sampling import draw_samples
from told_people import Told, people_store, shown


def test_the_conditions_of_an_image_depend_on_its_own_seed(tmp_path):
    store = people_store(tmp_path / "people")
    told = drawn_conditions(Told(), store, range(40))
    assert drawn_conditions(Told(), store, [33, 5]) == [told[33], told[5]]
    assert len({tuple(each.items()) for each in told}) > 5


def test_every_training_slice_is_as_likely(tmp_path):
    store = people_store(tmp_path / "people")
    rows, counts = np.unique(drawn_rows(store, range(2400)), return_counts=True)
    assert rows.tolist() == store.positions("train").tolist()
    assert counts.min() > 60
    assert counts.max() < 150


def test_a_set_goes_on_where_another_one_ended(tmp_path):
    store = people_store(tmp_path / "people")
    whole = torch.cat([*generate(Told(), store, 90, seed=7)])
    parts = [*generate(Told(), store, 70, seed=7), *generate(Told(), store, 20, seed=77)]
    assert len(whole) == 90
    assert torch.equal(whole, torch.cat(parts))
    assert shown(whole) == drawn_conditions(Told(), store, range(7, 97))
    assert [*generate(Told(), store, 0, seed=7)] == []


def test_a_network_that_takes_no_conditions_draws_as_it_is_asked(tmp_path):
    store = people_store(tmp_path / "people")
    drawn = torch.cat([*generate(Replay(heads(range(40))), store, 40, seed=0)])
    assert torch.equal(drawn, draw_samples(Replay(heads(range(40))), range(40)))
