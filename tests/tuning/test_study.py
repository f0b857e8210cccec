"""Studies are begun once, joined by everybody, and found again."""

import logging
from dataclasses import replace

import optuna
import pytest

from mrigen.errors import TuningError
from mrigen.tuning.records import TrialState
from mrigen.tuning.storage import open_storage
from mrigen.tuning.study import load_study, open_study
from small_searches import DEPTHS, RATE, WIDE, plan

BASELINE = {"network.depth": 4, "network.sampling.name": "prior", "training.learning_rate": 1e-3}


@pytest.fixture(scope="module", autouse=True)
def _without_waiting_for_the_disk():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda _: None)
        yield


@pytest.fixture
def storage(tmp_path):
    return open_storage(tmp_path, None)


def run(study, total, scores=None):
    """Complete trials until `total` count."""
    with study.storage.worker() as worker:
        while claimed := study.claim(worker, total=total):
            claimed.complete([scores(claimed.params) if scores else 1.0])


def test_the_plan_is_read_back_as_it_was_written(storage, tmp_path):
    parameters = WIDE | {"training.betas.0": {"choice": [0, 0.0625, True, None, "auto"]}}
    written = plan(parameters, pruning={"first_epoch": 3}, samples=64)
    open_study(storage, written)

    found = load_study(open_storage(tmp_path, None), "vae")

    assert found.plan == written
    choice = found.plan.search.parameters["training.betas.0"].choice
    assert [type(value) for value in choice] == [int, float, bool, type(None), str]


def test_trial_0_is_the_baseline(storage):
    study = open_study(storage, plan(baseline=BASELINE))

    with storage.worker() as worker:
        first, second = (study.claim(worker, total=3) for _ in range(2))

    assert (first.number, first.params, first.baseline) == (0, BASELINE, True)
    assert second.number == 1
    assert not second.baseline
    assert second.params != BASELINE


def test_the_baseline_counts_and_is_waiting_until_it_is_begun(storage):
    record = open_study(storage, plan(baseline=BASELINE)).record()

    assert [(trial.state, trial.baseline) for trial in record.counted] == [
        (TrialState.WAITING, True)
    ]


def test_without_a_baseline_the_first_trial_is_proposed(storage):
    study = open_study(storage, plan())

    run(study, 1)

    (trial,) = study.record().trials
    assert not trial.baseline


def test_joining_changes_nothing(storage, tmp_path):
    run(open_study(storage, plan(baseline=BASELINE)), 2)
    before = load_study(storage, "vae").record()

    journal = (tmp_path / "tuned" / "studies.journal").read_bytes()

    other = BASELINE | {"network.depth": 5}
    joined = open_study(open_storage(tmp_path, None), plan(baseline=other))

    assert joined.record() == before
    assert (tmp_path / "tuned" / "studies.journal").read_bytes() == journal
    assert joined.plan.baseline == BASELINE


def test_another_space_of_the_same_data_is_refused(storage):
    open_study(storage, plan())
    other = plan(RATE, name="vae-11111111-33333333", space="3" * 64)

    with pytest.raises(TuningError, match=r"'vae-11111111-22222222' .*another space.*--new-study"):
        open_study(storage, other)

    assert open_study(storage, other, new=True).name == other.name
    # From here on both are there, and either is gone on with.
    assert open_study(storage, plan()).name == "vae-11111111-22222222"
    assert open_study(storage, other).name == other.name


def test_changed_data_begin_another_study_and_it_is_said(storage, caplog):
    open_study(storage, plan())

    with caplog.at_level(logging.INFO, logger="mrigen"):
        study = open_study(storage, plan(name="vae-44444444-22222222", data="4" * 64))

    assert study.record().trials == ()
    assert "Dataset 'heads' has changed since study 'vae-11111111-22222222'" in caplog.text


def test_models_do_not_meet(storage):
    run(open_study(storage, plan()), 1)

    other = open_study(storage, plan(DEPTHS, model="gan", name="gan-11111111-22222222"))

    assert other.record().trials == ()
    assert load_study(storage, "vae").plan.model == "vae"


def test_the_study_worked_on_last_is_loaded(storage):
    first = open_study(storage, plan())
    other = plan(RATE, name="vae-11111111-33333333", space="3" * 64)
    second = open_study(storage, other, new=True)
    run(second, 1)
    assert load_study(storage, "vae").name == second.name
    run(first, 1)

    assert load_study(storage, "vae").name == first.name
    assert load_study(storage, "vae", name=second.name).name == second.name


@pytest.mark.parametrize("name", [None, "vae-x"])
def test_a_study_that_is_not_there_is_named(storage, name):
    with pytest.raises(TuningError, match=r"no study .*model 'vae' in .*studies.journal"):
        load_study(storage, "vae", name=name)


def test_studies_of_others_in_the_same_storage_are_left_alone(storage):
    optuna.create_study(storage=storage.optuna, study_name="foreign").set_user_attr("plan", "mine")
    study = open_study(storage, plan())

    assert load_study(storage, "vae").name == study.name
    with pytest.raises(TuningError, match="there is no study of model 'foreign'"):
        load_study(storage, "foreign")


def test_a_plan_of_another_version_is_refused_in_a_sentence(storage):
    study = open_study(storage, plan())
    written = dict(study.optuna.user_attrs["plan"])
    study.optuna.set_user_attr("plan", written | {"search": {"parameters": {}, "walks": 3}})

    with pytest.raises(TuningError, match=r"'vae-11111111-22222222' .*another version of mrigen"):
        load_study(storage, "vae")


def test_what_is_noted_of_a_study_is_read_by_all(storage, tmp_path):
    study = open_study(storage, plan())
    study.run = "abc"
    study.set_note("host", "one")

    other = load_study(open_storage(tmp_path, None), "vae")

    assert other.record().run == other.run == "abc"
    assert other.get_note("host") == "one"
    assert other.get_note("nothing") is None


def test_studies_of_several_objectives_give_nothing_up():
    assert plan().pruning is not None
    assert plan(objectives=("dssim", "seconds")).pruning is None


def test_optuna_knows_the_names_of_the_objectives(storage):
    study = open_study(storage, plan(objectives=("dssim", "seconds")))

    assert study.optuna.metric_names == ["dssim", "seconds"]


def test_a_record_has_the_plans_names(storage):
    record = open_study(storage, plan(objectives=("dssim", "seconds"))).record()

    assert record == replace(
        record, name="vae-11111111-22222222", model="vae", dataset="heads", data="1" * 64,
        objectives=("dssim", "seconds"), trials=(), run=None,
    )  # fmt: skip
