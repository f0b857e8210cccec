"""The files of a study, from its record and from its storage."""

import csv
import json

import pytest

from made_studies import BASELINE, SEARCH, made_study
from mrigen.errors import ConfigError, TuningError
from mrigen.project import Project
from mrigen.stages.tuning.report import report, write_report
from mrigen.tuning.confirmation import Confirmation, Training, write_confirmation
from mrigen.tuning.plan import StudyPlan
from mrigen.tuning.storage import open_storage
from mrigen.tuning.study import open_study
from parsed_page import ParsedPage
from tiny_project import params


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path, params())


@pytest.fixture
def _without_pictures(monkeypatch):
    """Leave out what takes a second to draw."""
    monkeypatch.setattr("mrigen.stages.tuning.report.study_pictures", lambda *_: {})


def begin_study(project, name="vae-12345678-abcdefab", *, new=False):
    plan = StudyPlan(
        name=name, model="vae", dataset="heads", data="1" * 64, objectives=("frechet_distance",),
        search=SEARCH, epochs=27, baseline=BASELINE, space=name,
    )  # fmt: skip
    return open_study(open_storage(project.root, None), plan, new=new)


def run_trial(study, score):
    with study.storage.worker() as worker:
        claimed = study.claim(worker, total=100)
        claimed.look(score, 27)
        claimed.complete([score])


def confirmed(record, trial):
    trainings = tuple(
        Training(side=side, seed=seed, scores={"frechet_distance": score + seed})
        for side, score in (("baseline", 9.0), ("tuned", 7.0))
        for seed in (1, 2)
    )
    return Confirmation(
        model="vae", study=record.name, trial=trial, score="frechet_distance", baseline=BASELINE,
        tuned=record.trials[trial].params, baseline_in_study=9.5, tuned_in_study=6.5,
        seeds=(1, 2), trainings=trainings,
    )  # fmt: skip


def text_of(page):
    return ParsedPage(page.read_text(encoding="utf-8")).text


def test_everything_about_a_study_lies_in_one_folder(project):
    page = write_report(project, made_study(), search=SEARCH)
    folder = project.tuned / "vae"
    assert page == folder / "report.html"
    names = {path.name for path in folder.iterdir()}
    assert names == {"report.html", "trials.csv", "study.json", "figures"}
    figures = {path.stem for path in (folder / "figures").iterdir()}
    assert figures == {"history", "parameters", "parallel", "importances", "curves"}


def test_a_report_replaces_the_one_before_and_leaves_the_confirmation(project):
    record = made_study()
    folder = write_report(project, record, search=SEARCH).parent
    write_confirmation(folder, confirmed(record, record.best.number))
    page = write_report(project, made_study(4), search=SEARCH)
    assert not (folder / "figures" / "importances.png").exists()
    assert len(json.loads((folder / "study.json").read_bytes())["trials"]) == 4
    assert (folder / "confirmation.json").exists()
    assert "it is confirmed." in text_of(page)


@pytest.mark.usefixtures("_without_pictures")
def test_a_confirmation_of_a_trial_that_is_no_longer_the_best_says_so(project):
    record = made_study()
    folder = project.tuned / "vae"
    folder.mkdir(parents=True)
    write_confirmation(folder, confirmed(record, 3))
    text = text_of(write_report(project, record, search=SEARCH))
    assert f"This was trial 3; by now trial {record.best.number} is the best." in text


@pytest.mark.usefixtures("_without_pictures")
def test_a_confirmation_of_another_study_is_left_out(project):
    record = made_study()
    folder = project.tuned / "vae"
    folder.mkdir(parents=True)
    other = confirmed(record, record.best.number).model_copy(update={"study": "vae-0-0"})
    write_confirmation(folder, other)
    assert "Not confirmed yet" in text_of(write_report(project, record, search=SEARCH))


@pytest.mark.usefixtures("_without_pictures")
def test_the_page_shows_what_stands_in_params_yaml_by_now(project):
    text = text_of(write_report(project, made_study(), search=SEARCH))
    # The tiny project samples from the prior, which has no components.
    assert "network. latent_size 8 48" in text
    assert "network.sampling. components n/a 16" in text.replace(". sampling", ".sampling")


def test_the_report_of_a_running_study_is_made_from_its_storage(project):
    study = begin_study(project)
    for score in (9.0, 7.0, 8.0):
        run_trial(study, score)
    with study.storage.worker() as worker:
        study.claim(worker, total=100)
        page = report(project, "vae")
    assert "1 trial had not ended" in text_of(page)
    with (page.parent / "trials.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["frechet_distance"] for row in rows] == ["9.0", "7.0", "8.0", ""]
    assert rows[0]["baseline"] == "true"
    assert not (project.root / "mlflow.db").exists()


@pytest.mark.usefixtures("_without_pictures")
def test_an_older_study_can_be_named(project):
    run_trial(begin_study(project), 9.0)
    run_trial(begin_study(project, "vae-12345678-00000000", new=True), 3.0)
    assert "vae-12345678-00000000" in text_of(report(project, "vae"))
    older = report(project, "vae", study="vae-12345678-abcdefab")
    assert "vae-12345678-abcdefab" in text_of(older)


def test_what_is_not_there_is_told_in_a_sentence_and_nothing_is_written(project):
    with pytest.raises(ConfigError, match=r"model 'vea' is not in params\.yaml"):
        report(project, "vea")
    with pytest.raises(TuningError, match=r"studies\.journal"):
        report(project, "vae")
    begin_study(project)
    with pytest.raises(TuningError, match="there is no study of model 'gan'"):
        report(project, "gan")
    assert not (project.tuned / "gan").exists()
