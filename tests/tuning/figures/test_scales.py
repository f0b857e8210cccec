import pytest

from made_studies import SEARCH, made_study
from mrigen.tuning.config import SearchConfig
from mrigen.tuning.figures.scales import Scale, parameter_scales
from mrigen.tuning.records import TrialRecord, TrialState


def scales_of(*params, search=SEARCH):
    trials = [TrialRecord(n, TrialState.COMPLETE, each) for n, each in enumerate(params)]
    return {scale.path: scale for scale in parameter_scales(trials, search)}


def test_axes_stand_in_the_order_of_the_search_block():
    scales = parameter_scales(made_study().trials, SEARCH)
    assert [scale.path for scale in scales] == list(SEARCH.parameters)
    assert [scale.label for scale in scales][:2] == ["learning_rate", "latent_size"]


def test_an_axis_spans_the_range_that_was_searched():
    rate = scales_of({"training.learning_rate": 1e-3})["training.learning_rate"]
    assert (rate.low, rate.high, rate.log) == (3e-4, 1e-2, True)
    assert [rate.share(value) for value in (3e-4, 1e-2)] == [0, 1]
    assert rate.share((3e-4 * 1e-2) ** 0.5) == pytest.approx(0.5)


def test_choices_stand_at_their_places_whatever_they_are():
    search = SearchConfig.model_validate(
        {"parameters": {"network.odd": {"choice": [None, True, "mixture", 0.5]}}}
    )
    odd = scales_of({"network.odd": True}, search=search)["network.odd"]
    assert [odd.place(value) for value in (None, True, "mixture", 0.5)] == [0, 1, 2, 3]


def test_parameters_of_an_older_search_block_get_an_axis_from_their_values():
    scales = scales_of(
        {"network.width": 4, "training.schedule": "cosine", "training.rate": 1e-5},
        {"network.width": 12, "training.schedule": "constant", "training.rate": 1e-2},
    )
    assert (scales["network.width"].low, scales["network.width"].high) == (4, 12)
    assert not scales["network.width"].log
    assert scales["training.schedule"].choices == ("cosine", "constant")
    assert scales["training.rate"].log


def test_a_value_outside_the_range_widens_the_axis():
    scales = scales_of({"network.latent_size": 128, "network.depth": 9})
    assert scales["network.latent_size"].high == 128
    assert scales["network.depth"].place(9) == 3


def test_a_single_value_stands_in_the_middle():
    assert Scale("a.b", "b", 2.0, 2.0).share(2) == 0.5
