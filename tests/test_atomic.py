import fcntl
import os
import subprocess
import sys
import textwrap
from contextlib import contextmanager
from pathlib import Path

import pytest

from mrigen.atomic import atomic_file, atomic_folder, write_text


def test_file_appears_when_the_block_ends(tmp_path):
    target = tmp_path / "deep" / "file.txt"
    with atomic_file(target) as temporary:
        temporary.write_text("new")
        assert not target.exists()
    assert target.read_text() == "new"
    assert list(target.parent.iterdir()) == [target]


def test_failed_file_leaves_the_old_one(tmp_path):
    target = tmp_path / "file.txt"
    write_text(target, "old")
    with pytest.raises(ZeroDivisionError), atomic_file(target) as temporary:  # noqa: PT012
        temporary.write_text("half")
        raise ZeroDivisionError
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_folder_replaces_the_old_one_whole(tmp_path):
    target = tmp_path / "folder"
    for name in ("first", "second"):
        with atomic_folder(target) as temporary:
            (temporary / name).write_text(name)
    assert [path.name for path in target.iterdir()] == ["second"]
    assert list(tmp_path.iterdir()) == [target]


def test_failed_folder_leaves_the_old_one(tmp_path):
    target = tmp_path / "folder"
    with atomic_folder(target) as temporary:
        (temporary / "kept").touch()
    with pytest.raises(KeyboardInterrupt), atomic_folder(target) as temporary:  # noqa: PT012
        (temporary / "half").touch()
        raise KeyboardInterrupt
    assert [path.name for path in target.iterdir()] == ["kept"]
    assert list(tmp_path.iterdir()) == [target]


@pytest.fixture
def umask():
    before = os.umask(0)
    yield os.umask
    os.umask(before)


@pytest.mark.parametrize(
    ("mask", "file_mode", "folder_mode"), [(0o077, 0o600, 0o700), (0o022, 0o644, 0o755)]
)
def test_modes_follow_the_umask(tmp_path, umask, mask, file_mode, folder_mode):
    umask(mask)
    write_text(tmp_path / "file.txt", "private")
    with atomic_folder(tmp_path / "folder"):
        pass
    assert (tmp_path / "file.txt").stat().st_mode & 0o777 == file_mode
    assert (tmp_path / "folder").stat().st_mode & 0o777 == folder_mode


def test_a_folder_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    target, flushed = tmp_path / "folder", []

    def fsync(descriptor):
        flushed.append((os.fstat(descriptor).st_ino, target.exists()))

    monkeypatch.setattr(os, "fsync", fsync)
    with atomic_folder(target) as temporary:
        (temporary / "deep").mkdir()
        (temporary / "deep" / "file").write_text("x")
    for path in (target / "deep" / "file", target / "deep", target):
        assert (path.stat().st_ino, False) in flushed
    assert flushed[-1] == (tmp_path.stat().st_ino, True)


PROGRAM = """
import os, signal, sys, time
from pathlib import Path
from mrigen import atomic
target, kind = Path(sys.argv[1]), sys.argv[2]
def end():
    if kind == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    print("ready", flush=True)
    sys.stdin.readline()
"""

IN_FOLDER = """
with atomic.atomic_folder(target) as temporary:
    (temporary / "half").write_text("x")
    end()
"""

IN_FILE = """
with atomic.atomic_file(target) as temporary:
    temporary.write_text("x")
    end()
"""

BETWEEN_RENAMES = """
replace = Path.replace
def dying(self, other):
    replace(self, other)
    end()
Path.replace = dying
with atomic.atomic_folder(target) as temporary:
    (temporary / "new").touch()
"""


def run_program(body, target, kind):
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM + textwrap.dedent(body), target, kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@contextmanager
def living(body, target):
    with run_program(body, target, "living") as process:
        assert process.stdout.readline() == "ready\n"
        yield
        process.communicate("\n")
    assert process.returncode == 0


def kill_in(body, target):
    with run_program(body, target, "killed") as process:
        process.communicate()
    assert process.returncode == -9


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_killed_process_leaves_nothing_under_the_final_name_and_the_next_cleans_up(tmp_path):
    target = tmp_path / "folder"
    kill_in(IN_FOLDER, target)
    (left,) = names(tmp_path)
    assert left.startswith(".folder-")
    with atomic_folder(target) as temporary:
        assert not (tmp_path / left).exists()
        (temporary / "whole").touch()
    assert names(tmp_path) == ["folder"]
    assert names(target) == ["whole"]


def test_a_file_of_a_killed_process_is_removed_by_the_next(tmp_path):
    target = tmp_path / "state.bin"
    kill_in(IN_FILE, target)
    assert len(names(tmp_path)) == 1
    write_text(target, "whole")
    assert names(tmp_path) == ["state.bin"]


def test_what_a_living_process_works_on_is_left_alone(tmp_path):
    folder, file = tmp_path / "folder", tmp_path / "state.bin"
    with living(IN_FOLDER, folder), living(IN_FILE, file):
        before = names(tmp_path)
        assert len(before) == 2
        with pytest.raises(ZeroDivisionError), atomic_folder(folder):
            raise ZeroDivisionError
        with pytest.raises(ZeroDivisionError), atomic_file(file):
            raise ZeroDivisionError
        assert names(tmp_path) == before
    assert names(tmp_path) == ["folder", "state.bin"]
    assert names(folder) == ["half"]


def test_a_folder_that_was_being_replaced_is_taken_back(tmp_path):
    target = tmp_path / "folder"
    with atomic_folder(target) as temporary:
        (temporary / "old").touch()
    kill_in(BETWEEN_RENAMES, target)
    assert not target.exists()
    with pytest.raises(ZeroDivisionError), atomic_folder(target):
        raise ZeroDivisionError
    assert names(tmp_path) == ["folder"]
    assert names(target) == ["old"]


def test_a_replacement_that_fails_puts_the_old_folder_back(tmp_path, monkeypatch):
    target = tmp_path / "folder"
    with atomic_folder(target) as temporary:
        (temporary / "old").touch()
    replace, calls = Path.replace, []

    def failing(self, other):
        calls.append(other)
        if len(calls) == 2:
            raise PermissionError
        return replace(self, other)

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(PermissionError), atomic_folder(target):
        pass
    assert names(tmp_path) == ["folder"]
    assert names(target) == ["old"]


def test_other_hidden_names_are_left_alone(tmp_path):
    kept = [".folder", ".folder-mine", ".folder-0123456789abc", ".folder2-0123456789ab"]
    for name in kept:
        (tmp_path / name).mkdir()
    (tmp_path / ".state-0123456789ab.txt").touch()
    (tmp_path / ".folder-0123456789ab").symlink_to(tmp_path / ".folder-mine")
    with atomic_folder(tmp_path / "folder"):
        pass
    write_text(tmp_path / "state.bin", "x")
    others = [".folder-0123456789ab", ".state-0123456789ab.txt", "folder", "state.bin"]
    assert names(tmp_path) == sorted(kept + others)


def test_without_locks_everything_works_and_nothing_is_cleaned(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError

    monkeypatch.setattr("fcntl.flock", refuse)
    (tmp_path / ".folder-0123456789ab").mkdir()
    for _ in range(2):
        with atomic_folder(tmp_path / "folder") as temporary:
            (temporary / "file").touch()
        write_text(tmp_path / "state.bin", "x")
    assert names(tmp_path) == [".folder-0123456789ab", "folder", "state.bin"]


@pytest.mark.parametrize("make", [atomic_file, atomic_folder])
def test_what_is_taken_away_before_it_is_locked_is_made_again(tmp_path, monkeypatch, make):
    flock, taken = fcntl.flock, []

    def late(descriptor, flags):
        if not taken:
            (path,) = tmp_path.iterdir()
            taken.append(path)
            path.rmdir() if path.is_dir() else path.unlink()
        return flock(descriptor, flags)

    monkeypatch.setattr("fcntl.flock", late)
    with make(tmp_path / "target") as temporary:
        assert temporary.exists()
        assert temporary not in taken
    assert names(tmp_path) == ["target"]
