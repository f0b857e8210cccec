from importlib import import_module
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from made_studies import made_study
from mrigen.cli import main
from mrigen.errors import TuningError
from mrigen.project import Project

# The package's attribute of this name is the command.
MODULE = import_module("mrigen.cli.tune")
DIFF = "--- params.yaml\n+++ params.yaml\n-  depth: 4\n+  depth: 5\n"


@pytest.fixture
def called(monkeypatch, tmp_path):
    """What the stages are called with; they answer a study, a path, sentences, a promotion."""
    calls = SimpleNamespace(root=tmp_path, words=None, written=0, problem=None)

    def stage(answer):
        def run(project, model, **words):
            if calls.problem:
                raise calls.problem
            calls.words = {"model": model, **words}
            return answer

        return run

    class Promotion:
        diff = DIFF

        def sentences(self):
            return ["Trial 3 of 'vae-1-2': depth 4 becomes 5."]

        def write(self):
            calls.written += 1

    confirmation = SimpleNamespace(sentences=lambda: ["One.", "Two."])
    monkeypatch.setattr(MODULE, "project_of", lambda _: Project(tmp_path, None))
    monkeypatch.setattr("mrigen.stages.tuning.run.tune", stage(made_study()))
    monkeypatch.setattr("mrigen.stages.tuning.report.report", stage(tmp_path / "report.html"))
    monkeypatch.setattr("mrigen.stages.tuning.confirm.confirm", stage(confirmation))
    monkeypatch.setattr("mrigen.stages.tuning.promote.promote", stage(Promotion()))
    return calls


def run(*words, **more):
    return CliRunner().invoke(main, ["tune", *words], **more)


@pytest.mark.parametrize(
    "words", [("vae", "--trials", "7"), ("--trials", "7", "vae"), ("run", "vae", "--trials", "7")]
)
def test_a_first_word_that_is_no_command_is_a_model(called, words):
    assert run(*words).exit_code == 0
    assert called.words["model"] == "vae"
    assert called.words["trials"] == 7


def test_a_model_may_be_called_like_a_command(called):
    assert run("run", "report").exit_code == 0
    assert called.words["model"] == "report"
    assert "trials" in called.words


def test_a_study_takes_every_choice(called):
    words = ["--storage", "x.journal", "--multi-objective", "--new-study", "--hours", "1.5"]
    words += ["--workers", "2", "--device", "cpu", "--precision", "bf16", "--resident", "off"]
    assert run("vae", *words, "--compile").exit_code == 0
    assert called.words == {
        "model": "vae",
        "trials": 20,
        "workers": 2,
        "storage": "x.journal",
        "multi_objective": True,
        "new_study": True,
        "hours": 1.5,
        "device": "cpu",
        "precision": "bf16",
        "compiled": True,
        "resident": "off",
        "progress": True,
    }


def test_the_storage_may_come_from_the_environment_but_not_the_workers(called):
    env = {"MRIGEN_TUNING_STORAGE": "y.journal", "MRIGEN_WORKERS": "3"}
    assert run("vae", env=env).exit_code == 0
    assert called.words["storage"] == "y.journal"
    assert called.words["workers"] == 1
    assert run("report", "vae", env=env).exit_code == 0
    assert called.words["storage"] == "y.journal"


def test_a_study_ends_with_what_was_found_and_where_to_look(called):
    lines = run("vae").stdout.splitlines()
    assert lines[0].startswith("24 trials of 'vae': ")
    assert lines[-1] == f"report: {called.root / 'tuned' / 'vae' / 'report.html'}"


def test_a_study_that_cannot_begin_is_one_line_and_exit_code_2(called):
    called.problem = TuningError("the space of 'vae' has changed: use --new-study.")
    answer = run("vae")
    assert answer.exit_code == 2
    assert answer.stderr == "mrigen: the space of 'vae' has changed: use --new-study.\n"


def test_report_and_confirm_tell_what_they_made(called):
    assert run("report", "vae").stdout == f"report: {called.root / 'report.html'}\n"
    assert run("confirm", "vae", "--seeds", "5", "--trial", "3").stdout == "One.\nTwo.\n"
    assert (called.words["seeds"], called.words["trial"]) == (5, 3)


def test_promotion_shows_the_change_and_writes_it_when_told_to(called):
    answer = run("promote", "vae", "--trial", "3", "--yes")
    assert answer.exit_code == 0
    assert DIFF in answer.stdout
    assert called.words["trial"] == 3
    assert called.written == 1


def test_promotion_writes_nothing_where_nobody_can_be_asked(called):
    answer = run("promote", "vae")
    assert answer.exit_code == 1
    assert DIFF in answer.stdout
    assert "--yes" in answer.stderr
    assert called.written == 0


@pytest.mark.parametrize(("word", "written"), [("y", 1), ("", 0), ("n", 0)])
def test_promotion_asks_on_a_terminal(called, monkeypatch, word, written):
    monkeypatch.setattr(MODULE, "_asks", lambda: True)
    assert run("promote", "vae", input=f"{word}\n").exit_code == 1 - written
    assert called.written == written
