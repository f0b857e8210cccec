import math

import pytest
import torch

from mrigen.evaluation.catalogue.listing import find_metric
from mrigen.evaluation.usefulness import judge as judging
from mrigen.evaluation.usefulness import trials
from mrigen.evaluation.usefulness.judge import judge_usefulness
from planted_people import SIZE, Liar, Noise, Replay, case_of, planted_store, replay_of


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return planted_store(tmp_path_factory.mktemp("slices") / "heads")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def no_pictures(monkeypatch):
    """Pictures take longer than a few steps of training."""
    for name in ("confusion_figure", "realness_figure"):
        monkeypatch.setattr(judging, name, lambda *_, **__: b"")


def judge(store, network, cache, *, steps=60, **settings):
    values = {"usefulness": {"steps": steps} | settings}
    return judge_usefulness(case_of(store, network, cache, **values))


@pytest.fixture(scope="module")
def replayed(store, cache):
    return judge(store, replay_of(store), cache, tasks=["tumour", "sex"])


def test_what_can_be_seen_is_learned_from_real_and_from_generated_slices(replayed):
    for task in ("sex", "tumour"):
        for source in ("real", "synthetic", "both"):
            assert replayed.metrics[f"{task}/useful_{source}"] > 0.85, (task, source)
        assert abs(replayed.metrics[f"{task}/useful_gain"]) < 0.1


def test_a_replay_of_real_slices_is_not_told_apart(replayed):
    assert abs(replayed.metrics["told_apart"] - 0.5) < 0.12
    assert replayed.metrics["told_apart_low"] <= 0.5 <= replayed.metrics["told_apart_high"]
    assert abs(replayed.metrics["told_apart_of_real"] - 0.5) < 0.2


@pytest.mark.usefixtures("no_pictures")
def test_noise_is_told_apart_and_teaches_nothing(store, cache):
    judged = judge(store, Noise(), cache, tasks=["sex"])
    assert judged.metrics["told_apart"] > 0.98
    assert judged.metrics.get("sex/useful_synthetic", 0.5) < 0.8
    assert judged.metrics["sex/useful_both"] > 0.8


@pytest.mark.usefixtures("no_pictures")
def test_slices_of_other_people_who_are_alike_are_not_told_apart(store, cache):
    judged = judge(store, replay_of(store, "test"), cache, tasks=[])
    assert abs(judged.metrics["told_apart"] - 0.5) < 0.15


@pytest.mark.usefixtures("no_pictures")
def test_labels_that_nothing_in_a_slice_tells_stay_near_chance(tmp_path):
    # Stripes come with the old sex; the new one alternates every two people.
    plain = planted_store(tmp_path / "heads", subjects=24)
    column = plain.manifest["subject"].str[-3:].astype(int) // 2 % 2
    plain.manifest["sex"] = column.map({0: "f", 1: "m"})
    judged = judge(plain, replay_of(plain), tmp_path, tasks=["sex"], steps=30)
    assert abs(judged.metrics["sex/useful_real"] - 0.5) < 0.25
    assert abs(judged.metrics["sex/useful_synthetic"] - 0.5) < 0.25


def test_numbers_are_finite_and_in_the_catalogue(replayed):
    assert replayed.metrics
    assert all(math.isfinite(value) for value in replayed.metrics.values())
    assert all(find_metric(key) for key in replayed.metrics)


def test_tables_say_what_was_learned_from_what(replayed):
    rows = {(row["task"], row["trained_on"]): row for row in replayed.tables["usefulness"].rows}
    both = rows["sex", "both"]
    assert both["real_slices"] == both["generated_slices"] == 72
    assert (both["test_slices"], both["test_subjects"], both["chance"]) == (72, 12, 0.5)
    assert both["gain"] == replayed.metrics["sex/useful_gain"]
    assert both["gain"] == pytest.approx(
        both["balanced_accuracy"] - rows["sex", "real"]["balanced_accuracy"]
    )
    told = rows["real or generated", "real and generated"]
    assert (told["test_slices"], told["test_subjects"]) == (144, 12)
    assert told["balanced_accuracy"] == replayed.metrics["told_apart"]


def test_confusion_counts_every_test_slice(replayed):
    rows = [
        row
        for row in replayed.tables["usefulness_confusion"].rows
        if (row["task"], row["trained_on"]) == ("sex", "both")
    ]
    assert sum(row["slices"] for row in rows) == 72
    right = [row["share"] for row in rows if row["true"] == row["taken_for"]]
    assert sum(right) / 2 == pytest.approx(replayed.metrics["sex/useful_both"])


def test_says_where_the_labels_come_from(replayed):
    assert any("Generated slices carry no labels" in remark for remark in replayed.remarks)
    assert set(replayed.pictures) == {"usefulness_confusion", "usefulness_realness"}


@pytest.mark.usefixtures("no_pictures")
def test_what_a_network_was_told_labels_its_slices(store, cache):
    # It draws what it is told not to: who learns from that is wrong of every person.
    told = judge(store, Liar(store), cache, tasks=["sex", "tumour"])
    assert told.metrics["sex/useful_real"] > 0.85
    assert told.metrics["sex/useful_synthetic"] < 0.15
    assert any("carry labels of 'sex': what the network was told" in r for r in told.remarks)
    assert any("carry no labels of 'tumour'" in remark for remark in told.remarks)


def test_the_same_twice_and_with_more_threads(store, tmp_path):
    settings = {"tasks": ["sex"], "steps": 8}
    first = judge(store, replay_of(store), tmp_path / "a", **settings)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        again = judge(store, replay_of(store), tmp_path / "b", **settings)  # nothing kept
        kept = judge(store, replay_of(store), tmp_path / "a", **settings)
    finally:
        torch.set_num_threads(threads)
    assert first == again == kept


@pytest.mark.usefixtures("no_pictures")
def test_the_classifier_of_real_slices_is_trained_once_a_dataset(store, tmp_path, monkeypatch):
    learned = []
    train = trials.train_classifier
    monkeypatch.setattr(
        trials, "train_classifier", lambda *a, **k: learned.append(a) or train(*a, **k)
    )
    settings = {"tasks": ["sex"], "steps": 4}
    judge(store, replay_of(store), tmp_path, **settings)
    first = len(learned)
    judge(store, replay_of(store, "test"), tmp_path, **settings)
    assert (first, len(learned)) == (3, 5)


@pytest.mark.usefixtures("no_pictures")
def test_more_classifiers_are_averaged(store, tmp_path):
    # Right in one of two trainings is half right.
    judged = judge(store, replay_of(store), tmp_path, tasks=["age_group"], steps=4, repeats=2)
    rows = judged.tables["usefulness_confusion"].rows
    assert any(row["slices"] % 1 == 0.5 for row in rows)
    counts = [row["slices"] for row in rows if row["trained_on"] == "real"]
    assert sum(counts) == 72


@pytest.mark.usefixtures("no_pictures")
def test_generated_slices_of_one_kind_teach_no_difference(store, cache):
    one = Replay(torch.zeros(1, 1, SIZE, SIZE))
    judged = judge(store, one, cache, tasks=["sex"])
    assert "sex/useful_synthetic" not in judged.metrics
    assert "sex/useful_both" in judged.metrics
    assert any("Nothing was learned for 'sex'" in remark for remark in judged.remarks)


@pytest.mark.usefixtures("no_pictures")
def test_tasks_without_labels_are_left_out_with_a_sentence(tmp_path):
    unknown = {"sex": None, "age": None, "label_fraction": None}
    bare = planted_store(tmp_path / "heads", subjects=8, **unknown)
    judged = judge(bare, replay_of(bare), tmp_path, steps=2)
    assert {key.split("_low")[0].split("_high")[0] for key in judged.metrics} == {
        "told_apart",
        "told_apart_of_real",
    }
    assert len(judged.remarks) == 3


@pytest.mark.usefixtures("no_pictures")
def test_two_subjects_of_a_class_have_no_interval_and_a_sentence(tmp_path):
    few = planted_store(tmp_path / "heads", subjects=10)
    judged = judge(few, replay_of(few), tmp_path, steps=2, tasks=["tumour", "sex"])
    assert "tumour/useful_both_low" in judged.metrics
    assert "sex/useful_both" in judged.metrics
    assert "sex/useful_both_low" not in judged.metrics
    assert [r for r in judged.remarks if "no interval" in r and "'sex'" in r]
    assert not [r for r in judged.remarks if "no interval" in r and "'tumour'" in r]


@pytest.mark.usefixtures("no_pictures")
def test_one_test_subject_is_no_floor(tmp_path):
    few = planted_store(tmp_path / "heads", subjects=2)
    judged = judge(few, replay_of(few), tmp_path, steps=2)
    assert set(judged.metrics) == {"told_apart"}
    assert any("at least two" in remark for remark in judged.remarks)


def test_judges_samplers_alone_and_only_where_asked(store, tmp_path):
    assert not judge(store, torch.nn.Identity(), tmp_path).metrics
    case = case_of(store, Noise(), tmp_path, usefulness=None)
    assert not judge_usefulness(case).metrics
