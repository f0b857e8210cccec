"""A trial and the baseline, trained anew with seeds that no study has seen."""

import shutil

import pytest
import yaml
from markupsafe import escape

from mrigen.data.store.slice_store import SliceStore
from mrigen.errors import ConfigError, ModelError, TuningError
from mrigen.project import load_project
from mrigen.stages.own_process import KilledError
from mrigen.stages.training_job import TrainingJob
from mrigen.stages.tuning import confirm as confirming
from mrigen.stages.tuning import repeats
from mrigen.stages.tuning.confirm import confirm
from mrigen.stages.tuning.plan import make_scorer, plan_study
from mrigen.stages.tuning.trial import train_and_score
from mrigen.training.runtime import choose_runtime
from mrigen.tuning.confirmation import read_confirmation, write_confirmation
from mrigen.tuning.storage import open_storage
from mrigen.tuning.study import open_study
from phantoms import slice_store

SLOW, FAST, FASTER = 1e-4, 1e-2, 2e-2
SCORES = {SLOW: 0.2, FAST: 0.1, FASTER: 0.15}
UNET = {
    "dataset": "discs",
    "network": {"name": "unet", "base_channels": 2, "depth": 2},
    "objective": {"name": "reconstruction"},
    "corruption": [{"name": "line_patch"}],
    "training": {"epochs": 2, "batch_size": 4, "learning_rate": SLOW},
    "evaluation": {},
    "gate": {},
    "search": {"parameters": {"training.learning_rate": {"choice": [SLOW, FAST, FASTER]}}},
}


def write_params(root, **training):
    unet = UNET | {"training": UNET["training"] | training}
    values = {
        "sources": {"phantoms": {"layout": "ixi", "path": "data"}},
        "datasets": {"discs": {"source": "phantoms", "size": 32}},
        "models": {"unet": unet},
    }
    (root / "params.yaml").write_text(yaml.safe_dump(values))
    return load_project(root)


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A project with a study in which the fast learning rate was best."""
    root = tmp_path_factory.mktemp("searched")
    project = write_params(root)
    slice_store(project.processed("discs"))
    storage = open_storage(root, None)
    study = open_study(storage, plan_study(project, "unet"))
    with storage.worker() as worker:
        for _ in range(3):
            claimed = study.claim(worker, total=3)
            claimed.complete([SCORES[claimed.params["training.learning_rate"]]])
    return root


@pytest.fixture
def project(searched, tmp_path):
    shutil.copytree(searched, tmp_path / "project")
    return load_project(tmp_path / "project")


@pytest.fixture
def trained(monkeypatch):
    """Replace trainings by scores that follow from side and seed; keep what was asked for."""
    asked = []

    def train_once(repeat):
        asked.append((repeat.side, repeat.seed, repeat.config.training.learning_rate))
        score = {"baseline": 0.3, "tuned": 0.2}[repeat.side] + repeat.seed * 1e-12
        return repeats.Training(
            side=repeat.side,
            seed=repeat.seed,
            scores={"dssim": score, "mse": score},
            seconds=1,
            identity=repeat.identity,
        )

    monkeypatch.setattr(repeats, "train_once", train_once)
    monkeypatch.setattr(confirming, "write_report", lambda *_, **__: None)  # drawing takes seconds
    return asked


def ask(project, **options):
    return confirm(project, "unet", **{"device": "cpu", "progress": False} | options)


def test_both_are_trained_with_the_same_fresh_seeds(project):
    found = ask(project, seeds=2)
    assert found.tuned == {"training.learning_rate": FAST}
    assert (found.baseline_in_study, found.tuned_in_study) == (0.2, 0.1)
    assert [(each.side, each.seed) for each in found.trainings] == [
        (side, seed) for seed in found.seeds for side in ("baseline", "tuned")
    ]
    assert len(set(found.seeds) - {project.model_config("unet").training.seed}) == 2
    assert found.trainings[3].scores == scores(project, FAST, found.seeds[1])
    assert found.trainings[2].scores == scores(project, SLOW, found.seeds[1])
    assert read_confirmation(project.tuned / "unet") == found
    page = (project.tuned / "unet" / "report.html").read_text(encoding="utf-8")
    assert all(escape(sentence) in page for sentence in found.sentences())


def scores(project, learning_rate, seed):
    """Scores of a training with another seed, and of damage drawn from it."""
    config = project.model_config("unet")
    changed = {"learning_rate": learning_rate, "seed": seed}
    config = config.model_copy(update={"training": config.training.model_copy(update=changed)})
    store, runtime = SliceStore(project.processed("discs")), choose_runtime(device="cpu")
    scorer = make_scorer(project, config, store, runtime.device, seed=seed)
    return train_and_score(TrainingJob(project, "unet", config, store, runtime), scorer).scores


def test_trainings_side_by_side_have_the_same_scores(project):
    alone = ask(project, seeds=2)
    half = alone.model_copy(update={"trainings": alone.trainings[:2]})
    write_confirmation(project.tuned / "unet", half)
    beside = ask(project, seeds=2, workers=2)
    assert by_seed(beside) == by_seed(alone)
    assert beside.pairs == alone.pairs


def by_seed(confirmation):
    return {(each.side, each.seed): each.scores for each in confirmation.trainings}


def test_what_was_trained_is_not_trained_again(project, trained, monkeypatch):
    train_once = repeats.train_once

    def interrupted(repeat):
        if len(trained) == 3:
            raise KeyboardInterrupt
        return train_once(repeat)

    monkeypatch.setattr(repeats, "train_once", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ask(project)
    assert read_confirmation(project.tuned / "unet").left == 3
    monkeypatch.setattr(repeats, "train_once", train_once)
    whole = ask(project)
    assert len(trained) == len(set(trained)) == 6
    assert whole.confirmed
    assert ask(project, seeds=2) == whole
    assert len(trained) == 6
    assert ask(project, seeds=4).seeds[:3] == whole.seeds
    assert len(trained) == len(set(trained)) == 8


def test_the_baseline_serves_several_trials(project, trained):
    ask(project, trial=1)
    other = ask(project, trial=2)
    assert other.trial == 2
    rates = [rate for _, _, rate in trained]
    assert (rates.count(SLOW), rates.count(FAST), rates.count(FASTER)) == (3, 3, 3)


def test_nothing_is_kept_of_other_code(project, trained, monkeypatch):
    ask(project)
    monkeypatch.setattr(confirming, "source_hash", lambda *_: "other")
    assert not ask(project).left
    assert len(trained) == 12


def test_promotion_changes_nothing(project, trained):
    before = ask(project)
    promoted = write_params(project.root, learning_rate=FAST)
    assert ask(promoted) == before
    assert len(trained) == 6


def test_a_training_that_fails_is_told(project, monkeypatch):
    def fail(job, scorer):
        raise ModelError("no best epoch.")

    monkeypatch.setattr(repeats, "train_and_score", fail)
    found = ask(project, seeds=2)
    assert [each.reason for each in found.failed] == ["no best epoch"] * 4
    assert not found.confirmed


def test_a_defect_is_not_taken_for_a_failure(project, monkeypatch):
    def fail(job, scorer):
        raise ZeroDivisionError

    monkeypatch.setattr(repeats, "train_and_score", fail)
    with pytest.raises(ZeroDivisionError):
        ask(project, seeds=2)


def test_a_killed_process_keeps_what_the_others_have_trained(project, trained, monkeypatch):
    def killed(train_once, asked, *, workers):
        yield train_once(asked[0])
        raise KilledError("its process was ended by SIGKILL")

    monkeypatch.setattr(repeats, "answers_from_own_processes", killed)
    with pytest.raises(TuningError, match=r"ended by SIGKILL: .* Run the same command again"):
        ask(project, workers=2)
    assert read_confirmation(project.tuned / "unet").left == 5


def test_trials_that_cannot_be_confirmed_are_refused(project, trained):
    with pytest.raises(TuningError, match=r"trial 7 of study 'unet-.*' is not there"):
        ask(project, trial=7)
    with pytest.raises(TuningError, match=r"trial 0 .* has the parameters it would be compared"):
        ask(project, trial=0)
    with pytest.raises(TuningError, match=r"other\.journal"):
        ask(project, storage="other.journal")
    with pytest.raises(ConfigError, match=r"with 1 seeds .* at least 2"):
        ask(project, seeds=1)
    assert not trained


def test_a_study_of_other_slices_or_another_search_is_refused(project, trained):
    changed = write_params(project.root, batch_size=8)
    with pytest.raises(TuningError, match=r"'unet' is not as it was in study 'unet-"):
        ask(changed)
    again = write_params(project.root)
    shutil.rmtree(again.processed("discs"))
    slice_store(again.processed("discs"), subjects=9)
    with pytest.raises(TuningError, match="is of slices with the fingerprint"):
        ask(again)
    assert not trained


def test_a_study_without_a_complete_trial_is_refused(tmp_path):
    project = write_params(tmp_path)
    slice_store(project.processed("discs"))
    open_study(open_storage(tmp_path, None), plan_study(project, "unet"))
    with pytest.raises(TuningError, match=r"no trial of study 'unet-.*' is complete"):
        ask(project)
