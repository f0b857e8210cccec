import errno
import os
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from mrigen.cli import main
from mrigen.errors import DataError
from small_registry import write_evaluated, write_project


def commands() -> list[list[str]]:
    found = []
    for name, command in main.commands.items():
        if isinstance(command, click.Group):
            found += [[name, inner] for inner in command.commands]
        else:
            found.append([name])
    return found


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_has_help_with_an_example(words):
    answer = CliRunner().invoke(main, [*words, "--help"])
    assert answer.exit_code == 0
    assert f"\n  Example: mrigen {' '.join(words)}" in answer.output


def test_help_imports_nothing_heavy():
    script = (
        "import sys, mrigen.cli\n"
        "try: mrigen.cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'mlflow', 'numpy', 'optuna', 'pydantic', 'fastapi', 'nibabel'}\n"
        "heavy.add('httpx')\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)


def test_module_is_the_same_as_the_command():
    command = [sys.executable, "-m", "mrigen", "--version"]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    assert answer.stdout.startswith("mrigen, version ")


def test_a_mistake_is_one_line_and_exit_code_2(tmp_path):
    answer = CliRunner().invoke(main, ["-C", str(tmp_path), "index"])
    assert answer.exit_code == 2
    assert answer.stderr.count("\n") == 1
    assert answer.stderr.startswith("mrigen: '")
    assert "Traceback" not in answer.output


def failing(monkeypatch, error):
    def fail(_):
        raise error

    monkeypatch.setattr("mrigen.project.load_project", fail)
    return CliRunner().invoke(main, ["index"])


def test_a_mistake_cannot_steer_the_terminal(monkeypatch):
    answer = failing(monkeypatch, DataError("it is called '\x1b[2J\r\nmrigen: Zoë\u202e'"))
    assert answer.stderr == "mrigen: it is called '\\x1b[2J\\r\\nmrigen: Zoë\\u202e'\n"


@pytest.mark.parametrize(
    ("code", "path", "start"),
    [
        (errno.EACCES, "index/x", "mrigen: cannot read or write 'index/x': Permission denied. C"),
        (errno.ENOENT, b"gone", "mrigen: cannot read or write 'gone': No such file or directory."),
        (errno.ENOSPC, None, "mrigen: cannot read or write: No space left on device. Check"),
    ],
)
def test_a_disk_that_refuses_is_one_line_and_exit_code_2(monkeypatch, code, path, start):
    answer = failing(monkeypatch, OSError(code, os.strerror(code), path))
    assert answer.exit_code == 2
    assert answer.stderr.startswith(start)
    assert answer.stderr.count("\n") == 1


def test_another_fault_of_the_system_keeps_its_traceback(monkeypatch):
    error = OSError(errno.EINVAL, "Invalid argument")
    assert failing(monkeypatch, error).exception is error


def test_what_was_interrupted_leaves_with_the_exit_code_of_shells(monkeypatch):
    answer = failing(monkeypatch, KeyboardInterrupt())
    assert answer.exit_code == 130
    assert answer.stderr == "mrigen: interrupted: the same command takes the work up again.\n"


def test_a_model_that_cannot_be_registered_does_not_stop_the_others(store):
    project = write_project(store)
    write_evaluated(project, "gan")
    answer = CliRunner().invoke(main, ["-C", str(store), "register", "vae", "gan", "none"])
    assert answer.exit_code == 2
    assert answer.stderr.count("mrigen: ") == 2
    assert "gan" in answer.stdout
