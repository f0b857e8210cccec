from dataclasses import replace

import matplotlib
import pytest

from made_studies import SEARCH, made_study
from mrigen.tuning.figures.pictures import missing_pictures, study_pictures
from mrigen.tuning.records import TrialState

ALWAYS = ["history", "parameters", "parallel"]


def with_trials(record, chosen):
    return replace(record, trials=tuple(chosen))


@pytest.fixture(scope="module")
def pictures():
    return study_pictures(made_study(), SEARCH)


def test_a_study_is_drawn_from_all_sides(pictures):
    assert list(pictures) == [*ALWAYS, "importances", "curves"]
    assert all(picture.png.startswith(b"\x89PNG") for picture in pictures.values())
    assert all(picture.description.endswith(".") for picture in pictures.values())


def test_the_same_study_gives_the_same_bytes_and_leaves_matplotlib_as_it_is(pictures):
    before = dict(matplotlib.rcParams)
    again = study_pictures(made_study(), SEARCH)
    assert {name: picture.png for name, picture in again.items()} == {
        name: picture.png for name, picture in pictures.items()
    }
    assert dict(matplotlib.rcParams) == before


def test_a_study_of_score_and_time_shows_its_front():
    record = made_study(8, seconds=True)
    words = study_pictures(record, SEARCH)["front"].description
    assert all(str(trial.number) in words for trial in record.front)


def test_few_trials_are_drawn_and_what_is_not_is_told():
    record = made_study(3)
    few = with_trials(record, record.complete[:1])
    assert list(study_pictures(few, SEARCH)) == [*ALWAYS, "curves"]
    (sentence,) = missing_pictures(few)
    assert "from 10 complete trials on; there is 1." in sentence


def test_trials_without_any_score_give_no_picture():
    record = made_study()
    failed = [trial for trial in record.trials if trial.state is TrialState.FAILED]
    assert study_pictures(with_trials(record, failed), SEARCH) == {}
    assert study_pictures(with_trials(record, []), SEARCH) == {}


def test_before_a_trial_is_complete_its_looks_are_drawn():
    record = made_study()
    pruned = [trial for trial in record.trials if trial.state is TrialState.PRUNED]
    assert list(study_pictures(with_trials(record, pruned), SEARCH)) == ["history", "curves"]


def test_looks_that_were_one_only_make_no_curve():
    record = made_study(4)
    single = [replace(trial, looks={27: trial.values[0]}) for trial in record.complete]
    assert "curves" not in study_pictures(with_trials(record, single), SEARCH)


def test_scores_that_are_all_the_same_can_be_drawn():
    record = made_study(6)
    same = [replace(trial, values=(2.5,), looks={}) for trial in record.complete]
    assert list(study_pictures(with_trials(record, same), SEARCH)) == ALWAYS
