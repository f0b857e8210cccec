import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from mrigen.cli import main


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
        "heavy = {'torch', 'mlflow', 'numpy', 'pydantic', 'fastapi', 'nibabel'}\n"
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
