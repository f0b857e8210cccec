"""The image and the composed services, as far as they can be tested without Docker."""

import json
import os
import re
import subprocess
import sys
import threading
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import urlsplit
from zipfile import ZipFile

import click
import pytest
import yaml

from mrigen.cli import main

ROOT = Path(__file__).parent.parent
OWN = ("mlflow", "register", "serve")


def instructions():
    """Return the Dockerfile's instructions and their words, lines that go on put together."""
    lines = (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    split = [line.strip().split(maxsplit=1) for line in lines if line.strip()]
    return [(word, rest) for word, rest in split if not word.startswith("#")]


def last(instruction):
    return [rest for word, rest in instructions() if word == instruction][-1]


@pytest.fixture(scope="module")
def composed():
    return yaml.safe_load((ROOT / "compose.yaml").read_text())


def parsed(words):
    """Return the context of a command line of mrigen's, or fail as its user would see."""
    command = main.commands[words[0]]
    return command.make_context(words[0], [*words[1:]], obj={})


def test_every_base_image_is_named_with_its_version():
    bases = [rest.split()[0] for word, rest in instructions() if word == "FROM"]
    assert len(bases) == 2
    assert all(re.fullmatch(r"python:3\.11-slim-[a-z]+", base) for base in bases)


def test_the_process_is_not_root():
    assert last("USER").isdigit()
    assert int(last("USER")) > 0


def test_nothing_is_fetched_from_an_address_by_the_builder():
    assert "ADD" not in dict(instructions())
    assert not [rest for word, rest in instructions() if word == "COPY" and "://" in rest]


def test_all_that_is_copied_is_in_the_context_and_nothing_else_is():
    copied = [rest.split() for word, rest in instructions() if word == "COPY"]
    sources = {one for words in copied if "--from=build" not in words for one in words[:-1]}
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    ignored = [line for line in lines if not line.startswith("#")]
    assert ignored[0] == "*"
    assert {line[1:] for line in ignored if line.startswith("!")} == sources
    assert all((ROOT / source).exists() for source in sources)


def test_signals_reach_mrigen_and_its_words_are_understood():
    assert json.loads(last("ENTRYPOINT")) == ["mrigen"], "a shell would keep the signals"
    words = json.loads(last("CMD"))
    assert parsed(words).params["host"] == "0.0.0.0"


def test_the_port_of_the_health_check_is_the_servers(monkeypatch):
    port = re.search(r"MRIGEN_PORT=(\d+)", last("ENV"))[1]
    assert port == last("EXPOSE")
    assert parsed(["serve"]).params["port"] == int(port)
    monkeypatch.setenv("MRIGEN_PORT", "9123")
    assert parsed(["serve"]).params["port"] == 9123


@contextmanager
def answering(status):
    """Answer every request with a status, and keep what was asked for."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port, asked
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False), (401, False)])
def test_the_health_check_asks_whether_the_server_is_ready(status, healthy):
    _, command = last("HEALTHCHECK").split("CMD", maxsplit=1)
    words = json.loads(command)
    assert words[0] == "python"
    with answering(status) as (port, asked):
        environment = {"PATH": os.environ["PATH"], "MRIGEN_PORT": str(port)}
        code = subprocess.run(
            [sys.executable, *words[1:]], env=environment, capture_output=True, check=False
        ).returncode
    assert asked == ["/ready"]
    assert (code == 0) == healthy


def test_a_wheel_holds_all_files_of_the_package(tmp_path):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    package = ROOT / "src"
    files = [path for path in package.rglob("*") if path.is_file()]
    wanted = {
        path.relative_to(package).as_posix() for path in files if "__pycache__" not in path.parts
    }
    with ZipFile(wheel) as archive:
        missing = wanted - set(archive.namelist())
    assert not missing
    assert any(name.startswith("mrigen/serving/page/") for name in wanted)


def test_what_a_service_refers_to_is_there(composed):
    for service in composed["services"].values():
        for kind in ("secrets", "networks"):
            assert set(service.get(kind, ())) <= set(composed[kind])
        named = {volume.split(":")[0] for volume in service.get("volumes", ())}
        assert {name for name in named if not name.startswith(".")} <= set(composed["volumes"])
        assert set(service.get("depends_on", ())) <= set(composed["services"])


def test_only_this_host_reaches_the_services_and_nobody_the_database(composed):
    services = composed["services"]
    for service in services.values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
    assert "ports" not in services["postgres"]
    assert composed["networks"]["database"]["internal"]
    on_it = {name for name, one in services.items() if "database" in one["networks"]}
    assert on_it == {"postgres", "mlflow"}


def test_services_of_the_image_have_no_rights_and_a_read_only_root(composed):
    for name in OWN:
        service = composed["services"][name]
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert "cap_add" not in service
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert any(place.startswith("/tmp") for place in service["tmpfs"])
        assert {"mem_limit", "pids_limit"} <= service.keys()
        assert "healthcheck" in service or name == "serve", "the image's own is for the server"


def test_the_words_of_register_and_serve_are_understood(composed, monkeypatch):
    services = composed["services"]
    assert parsed(services["register"]["command"]).params["models"] == ()
    for name, value in services["serve"]["environment"].items():
        monkeypatch.setenv(name, value)
    serve = parsed(services["serve"]["command"])
    assert serve.params["api_keys"] == Path("/run/secrets/api_keys")
    assert not serve.params["without_keys"]


def test_requests_under_way_may_end_before_the_server_is_killed(composed):
    grace = re.fullmatch(r"(\d+)s", composed["services"]["serve"]["stop_grace_period"])[1]
    drain = next(one for one in main.commands["serve"].params if "--drain" in one.opts)
    assert timedelta(seconds=int(grace)) > timedelta(seconds=drain.default)


def test_mlflow_understands_its_words_which_hold_no_password(composed):
    from mlflow.cli import server

    service = composed["services"]["mlflow"]
    try:
        params = server.make_context("server", [*service["command"]]).params
    except click.UsageError as error:
        pytest.fail(error.format_message())
    address = urlsplit(params["backend_store_uri"])
    assert (address.scheme, address.hostname, address.password) == (
        "postgresql+psycopg",
        "postgres",
        None,
    )
    assert params["artifacts_destination"] == service["volumes"][0].split(":")[1]
    assert "*" not in params["allowed_hosts"]
    server_address = composed["services"]["serve"]["environment"]["MLFLOW_TRACKING_URI"]
    assert urlsplit(server_address).netloc in params["allowed_hosts"].split(",")
    assert service["environment"]["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"


def test_the_password_comes_from_its_file_into_the_environment_alone(composed, tmp_path):
    shell, options, script, name = composed["services"]["mlflow"]["entrypoint"]
    (tmp_path / "password").write_text("s3cret word\n")
    stub = tmp_path / "mlflow"
    stub.write_text('#!/bin/sh\nprintf "%s|" "$PGPASSWORD" "$@"\n')
    stub.chmod(0o755)
    script = script.replace("$$", "$").replace(
        "/run/secrets/database_password", str(tmp_path / "password")
    )
    environment = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    command = [shell, options, script, name, "--host=0.0.0.0", "a b"]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert told.stdout == "s3cret word|server|--host=0.0.0.0|a b|"
    (tmp_path / "password").unlink()
    assert subprocess.run(command, env=environment, capture_output=True, check=False).returncode


def test_secrets_are_files_that_git_leaves_alone(composed):
    files = {Path(one["file"]).parent for one in composed["secrets"].values()}
    assert files == {Path("secrets")}
    assert "/secrets" in (ROOT / ".gitignore").read_text().splitlines()
