import os
import subprocess
import sys
import textwrap

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


def test_killed_process_leaves_nothing_under_the_final_name(tmp_path):
    script = f"""
        import os, signal
        from pathlib import Path
        from mrigen.atomic import atomic_folder
        with atomic_folder(Path({str(tmp_path)!r}) / "folder") as temporary:
            (temporary / "half").write_text("x")
            os.kill(os.getpid(), signal.SIGKILL)
    """
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False)
    assert killed.returncode == -9
    assert not (tmp_path / "folder").exists()
