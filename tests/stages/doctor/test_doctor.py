import json
import os
import shutil
import sqlite3
import sys

import pytest
from click.testing import CliRunner

from live_server import listening
from mrigen.cli import main
from mrigen.serving.app import create_app
from mrigen.serving.keys import find_keys
from mrigen.serving.shelf import Shelf
from mrigen.stages.doctor import Question, examine
from scripted_server import answering, scripted_server
from small_registry import GOOD, registered_project, write_project
from small_served import served

KEY = "0123456789abcdef-key"


@pytest.fixture(scope="module")
def registered(empty_database, tmp_path_factory):
    """A project with a champion, a candidate and a store; copy it before you change it."""
    folder = tmp_path_factory.mktemp("registered") / "project"
    folder.mkdir()
    registered_project(folder, empty_database, vae=GOOD, unet={})
    return folder


@pytest.fixture
def project(registered, tmp_path):
    """The same project in another place."""
    return shutil.copytree(registered, tmp_path / "moved")


def found(root, subject, environment=None, **words):
    asked = Question(root, environment or {}, **words)
    return [one for one in examine(asked) if one.subject == subject]


def faults(findings):
    return [one.found for one in findings if one.state == "fault"]


def install(folder, name, version, *lines):
    """Pretend that a package is installed."""
    place = folder / f"{name}-{version}.dist-info"
    place.mkdir(parents=True)
    head = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    (place / "METADATA").write_text("\n".join([*head, *lines]) + "\n")


def test_a_sound_project_has_no_faults_and_stays_as_it_is(project):
    before = {path: path.stat().st_mtime_ns for path in project.rglob("*")}
    findings = list(examine(Question(project, dict(os.environ))))
    assert faults(findings) == []
    assert {path: path.stat().st_mtime_ns for path in project.rglob("*")} == before
    registry = [one.found for one in findings if one.subject == "registry"]
    assert [line.split(" takes")[0] for line in registry] == [
        "unet/1 (candidate) loads; a chunk",
        "vae/1 (candidate, champion) loads; a chunk",
        "'unet' has no champion, so that it is not served",
    ]


def test_without_a_project_the_installation_alone_is_looked_at(tmp_path):
    findings = list(examine(Question(tmp_path, {})))
    assert faults(findings) == []
    assert "the installation alone" in findings[0].found
    assert not {"store", "registry", "models"} & {one.subject for one in findings}


def test_a_package_of_the_wrong_version_is_told(tmp_path, monkeypatch):
    install(tmp_path, "httpx", "0.1")
    monkeypatch.syspath_prepend(tmp_path)
    findings = found(tmp_path, "packages")
    assert faults(findings) == ["httpx is 0.1: expected >=0.28"]
    assert findings[0].advice == "pip install 'httpx>=0.28'"


def test_a_missing_package_and_another_python_are_told(tmp_path, monkeypatch):
    needs = ["Requires-Python: >=9", "Requires-Dist: nowhere-to-be-found>=2"]
    install(tmp_path, "mrigen", "0.0", *needs, 'Requires-Dist: dear-me; extra == "dev"')
    monkeypatch.syspath_prepend(tmp_path)
    assert faults(found(tmp_path, "packages")) == ["nowhere-to-be-found is not installed"]
    assert "expected >=9" in found(tmp_path, "python")[0].found


def test_studies_in_postgresql_need_the_driver_and_the_password_is_not_shown(tmp_path):
    environment = {"MRIGEN_TUNING_STORAGE": "postgresql://me:secret@host/studies"}
    findings = found(tmp_path, "packages", environment)
    assert any("psycopg" in one.found for one in findings)
    assert "secret" not in str(list(examine(Question(tmp_path, environment))))


def test_a_check_that_breaks_is_a_fault_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    findings = list(examine(Question(tmp_path, {})))
    broken = [one for one in findings if one.state == "fault"]
    assert {one.subject for one in broken} == {"torch", "device"}
    assert all("import of torch halted" in one.found for one in broken)


@pytest.mark.parametrize("name", ["cuda:77", "gpu", ""])
def test_the_chosen_device_has_to_be_there(tmp_path, name):
    findings = faults(found(tmp_path, "device", {"MRIGEN_DEVICE": name}))
    assert len(findings) == (1 if name else 0)
    assert all(name in sentence for sentence in findings)


def test_variables_are_checked_as_the_commands_check_them(tmp_path):
    environment = {
        "MRIGEN_PRECISION": "fp64",
        "MRIGEN_WORKERS": "4",
        "MRIGEN_DEVCE": "cpu",
        "MRIGEN_LANES": "none",
    }
    answer = CliRunner(env=environment).invoke(main, ["-C", str(tmp_path), "doctor", "--json"])
    assert answer.exit_code == 2
    told = [one for one in json.loads(answer.stdout)["findings"] if one["subject"] == "environment"]
    assert [(one["state"], one["found"].split()[0].strip("':")) for one in told] == [
        ("note", "MRIGEN_DEVCE"),
        ("fault", "MRIGEN_LANES"),
        ("fault", "MRIGEN_PRECISION"),
        ("ok", "MRIGEN_WORKERS"),
    ]
    assert "MRIGEN_DEVICE" in told[0]["advice"]


def test_keys_are_read_and_never_shown(tmp_path):
    path = tmp_path / "keys"
    path.write_text(f"me {KEY}\n")
    environment = {"MRIGEN_API_KEYS": str(path)}
    path.chmod(0o644)
    assert "chmod 600" in found(tmp_path, "keys", environment)[0].advice
    path.chmod(0o600)
    assert [one.state for one in found(tmp_path, "keys", environment)] == ["ok"]
    path.write_text("short\n")
    findings = found(tmp_path, "keys", environment)
    assert "expected at least" in faults(findings)[0]
    assert "short" not in str(findings)


def test_missing_programs_are_told(project):
    findings = found(project, "tools", {"PATH": str(project)})
    assert [one.state for one in findings] == ["note"] * 3
    assert "install git" in findings[-1].advice


def test_parameters_that_cannot_be_read_are_a_fault(project):
    (project / "params.yaml").write_text("models: [\n")
    assert "is not readable YAML" in faults(found(project, "project"))[0]


def test_what_is_not_there_yet_is_told_with_the_command_that_makes_it(tmp_path):
    write_project(tmp_path)
    findings = list(examine(Question(tmp_path, {})))
    assert faults(findings) == []
    advice = " ".join(one.advice for one in findings)
    for command in ("mrigen slices heads", "mrigen train vae", "train and register a model"):
        assert command in advice


def test_a_store_of_another_version_of_mlflow_is_told(project):
    with sqlite3.connect(project / "mlflow.db") as database:
        database.execute("UPDATE alembic_version SET version_num = 'acf3f17fdcc7'")
    database.close()
    assert "written by another version of MLflow" in faults(found(project, "store"))[0]


def test_a_store_that_is_none_is_told(project):
    (project / "mlflow.db").write_bytes(b"no database" * 1000)
    assert "cannot be used as an MLflow store" in faults(found(project, "store"))[0]


def test_an_empty_store_is_left_empty(project):
    (project / "mlflow.db").write_bytes(b"")
    assert [one.state for one in found(project, "store")] == ["note"]
    assert (project / "mlflow.db").stat().st_size == 0


def test_a_store_that_cannot_be_reached_is_told_without_its_password(project, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@127.0.0.1:9")
    findings = list(examine(Question(project, dict(os.environ))))
    (told,) = faults(findings)
    assert "http://127.0.0.1:9 cannot be reached" in told
    assert "secret" not in str(findings)


def test_a_server_of_another_mlflow_is_told(project, monkeypatch):
    experiments = answering(b'{"experiments": []}', headers={"Content-Type": "application/json"})
    with scripted_server(answering(b"OK"), experiments, answering(b"2.22.0")) as (url, _):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
        assert "the server has MLflow 2.22.0" in faults(found(project, "store"))[0]


def test_a_changed_byte_of_a_bundle_is_told(project):
    weights = next(project.glob("mlartifacts/**/weights.safetensors"))
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    told = faults(found(project, "registry"))
    assert len(told) == 1
    assert "are not those that were registered" in told[0]


def test_a_bundle_that_is_gone_is_told(project):
    for weights in project.glob("mlartifacts/**/weights.safetensors"):
        weights.unlink()
    assert len(faults(found(project, "registry"))) == 2


def test_another_torch_than_then_is_told(project, tmp_path, monkeypatch):
    install(tmp_path / "site", "torch", "1.0")
    monkeypatch.syspath_prepend(tmp_path / "site")
    notes = [one.found for one in found(project, "registry") if "registered with" in one.found]
    assert len(notes) == 2
    assert "(here is 1.0)" in notes[0]


@pytest.fixture
def served_here():
    with listening(create_app(Shelf([served()]))) as (host, port):
        yield f"http://{host}:{port}"


def test_a_server_without_keys_on_loopback_is_fine(tmp_path, served_here):
    findings = found(tmp_path, "server", server=served_here)
    assert [one.state for one in findings] == ["ok"] * 4
    assert findings[-1].found == "it serves vae/3 on cpu"


def test_a_server_that_asks_for_a_key_is_asked_with_it(tmp_path):
    keys = find_keys(None, {"MRIGEN_API_KEY": KEY})
    with listening(create_app(Shelf([served()]), keys=keys)) as (host, port):
        url = f"http://{host}:{port}"
        assert found(tmp_path, "server", server=url)[-1].state == "note"
        assert found(tmp_path, "server", server=url, api_key=KEY)[-1].state == "ok"
        findings = found(tmp_path, "server", server=url, api_key="wrong-key-0123456789")
        assert faults(findings) == ["it does not know the key"]


def test_a_server_that_strangers_reach_without_a_key_is_a_fault(tmp_path, monkeypatch):
    # The whole of 127.0.0.0/8 is this machine: one of it stands for its address in a network.
    monkeypatch.setattr("mrigen.stages.doctor.server._own_addresses", lambda: {"127.0.0.2"})
    listed = answering(b'{"status": "ok", "version": "9.9", "ready": true, "models": []}')
    with scripted_server(listed, host="0.0.0.0") as (url, _):
        findings = found(tmp_path, "server", server=url)
    assert "everyone who reaches http://127.0.0.2" in faults(findings)[0]
    assert any("has mrigen 9.9" in one.found for one in findings)


def test_the_clock_of_a_server_is_compared(tmp_path):
    late = answering(b'{"version": "1"}', headers={"Date": "Thu, 01 Jan 1970 00:00:00 GMT"})
    with scripted_server(late) as (url, _):
        assert "behind" in str(found(tmp_path, "server", server=url))


def test_a_server_that_is_not_ready_or_not_there_is_a_fault(tmp_path):
    assert "cannot be reached" in faults(found(tmp_path, "server", server="http://127.0.0.1:9"))[0]
    health = answering(b'{"version": "1"}')
    waiting = answering(b'{"ready": false}', 503)
    with scripted_server(health, health, waiting) as (url, _):
        assert "it is not ready" in faults(found(tmp_path, "server", server=url))


def test_a_fault_is_one_plain_line_and_exit_code_2(project):
    (project / "params.yaml").write_text("models: [\n")
    answer = CliRunner().invoke(main, ["-C", str(project), "doctor"])
    assert answer.exit_code == 2
    lines = answer.stdout.splitlines()
    assert all(line.split()[0] in {"ok", "note", "fault"} for line in lines)
    assert sum(line.startswith("fault  project") for line in lines) == 1
