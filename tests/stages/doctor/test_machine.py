import tempfile

from mrigen.stages.doctor import Question, machine


def states(findings):
    return [one.state for one in findings]


def test_little_free_memory_is_noted(tmp_path, monkeypatch):
    asked = Question(tmp_path, {})
    monkeypatch.setattr(machine, "CONTROL_GROUP", tmp_path)
    monkeypatch.setattr(machine, "MEMORY", tmp_path / "meminfo")
    assert states(machine.check_memory(asked)) == ["ok"]  # not readable here
    (tmp_path / "meminfo").write_text("MemTotal: 99999999 kB\nMemAvailable: 99999999 kB\n")
    assert states(machine.check_memory(asked)) == ["ok"]
    (tmp_path / "memory.max").write_text(f"{2**30}\n")
    (tmp_path / "memory.current").write_text(f"{2**29}\n")
    (tmp_path / "memory.stat").write_text(f"anon 1\ninactive_file {2**28}\n")
    (found,) = machine.check_memory(asked)
    assert (found.state, found.found) == ("note", "0.8 GiB of memory free")
    (tmp_path / "memory.max").write_text("max\n")
    assert states(machine.check_memory(asked)) == ["ok"]


def test_a_temporary_folder_that_is_not_there_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "gone"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    findings = list(machine.check_folders(Question(tmp_path, {"TMPDIR": str(tmp_path / "gone")})))
    assert "gone', which cannot be written" in findings[0].found


def test_a_cache_that_is_a_file_is_noted(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    findings = list(machine.check_folders(Question(tmp_path, {})))
    assert findings[-1].state == "note"
    assert "cannot be written" in findings[-1].found


def test_a_full_disk_is_a_fault(tmp_path, monkeypatch):
    class Usage:
        free = 0

    monkeypatch.setattr(machine.shutil, "disk_usage", lambda _: Usage)
    assert set(states(machine.check_folders(Question(tmp_path, {})))) == {"fault"}
