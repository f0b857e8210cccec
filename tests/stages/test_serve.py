import re
import signal
import socket
import subprocess
import sys

import httpx
import pytest

from mrigen.errors import ConfigError, RegistryError, TrackingError
from mrigen.stages.register import register
from mrigen.stages.serve import serve
from mrigen.tracking.tracker import connect
from small_registry import write_evaluated, write_project


@pytest.fixture
def project(store):
    project = write_project(store)
    for model in ("vae", "gan"):
        write_evaluated(project, model)
        register(project, model)
    write_evaluated(project, "unet", metrics={})
    register(project, "unet")
    return project


@pytest.fixture
def start(project, quiet_environment):
    started = []

    def run(*words):
        command = [sys.executable, "-m", "mrigen", "--project", str(project.root), "serve"]
        process = subprocess.Popen(
            [*command, "--port", "0", *words],
            stderr=subprocess.PIPE, text=True, env=quiet_environment,
        )  # fmt: skip
        started.append(process)
        for line in process.stderr:
            found = re.search(r"Listening on (http://127\.0\.0\.1:\d+)", line)
            if found:
                return process, found[1]
        raise AssertionError("the server ended before it listened")

    yield run
    for process in started:
        process.kill()
        process.communicate()


def test_champions_are_served_until_a_signal_comes(start):
    process, url = start()
    with httpx.Client(base_url=url, timeout=60) as client:
        assert client.get("/ready").json() == {"ready": True, "models": 2}
        models = client.get("/v1/models").json()["models"]
        assert [(model["name"], model["version"]) for model in models] == [("gan", 1), ("vae", 1)]
        body = {"count": 3, "seed": 1}
        first, again = (client.post("/v1/models/vae/samples", json=body) for _ in range(2))
        assert first.status_code == 200
        assert first.content == again.content
        assert "server" not in first.headers
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "The server has stopped." in errors
    assert "Traceback" not in errors


def test_chosen_models_are_served_until_the_keyboard_interrupts(start):
    process, url = start("--model", "unet@candidate", "--model", "vae/1")
    with httpx.Client(base_url=url, timeout=60) as client:
        models = client.get("/v1/models").json()["models"]
    assert [model["name"] for model in models] == ["unet", "vae"]
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in errors


def test_a_port_in_use_is_told(project):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1:{port}"):
            serve(project, port=port)


@pytest.mark.parametrize("host", ["192.0.2.1", "a..b", "x" * 64])
def test_a_host_that_is_not_here_is_told(project, host):
    with pytest.raises(ConfigError, match="cannot listen on"):
        serve(project, host=host, port=0)


def test_a_model_cannot_be_served_twice(project):
    with pytest.raises(RegistryError, match="'vae' was asked for 2 times"):
        serve(project, ["vae/1", "vae@champion"])


def test_without_a_champion_there_is_nothing_to_serve(store):
    project = write_project(store)
    connect(store)
    with pytest.raises(RegistryError, match="run 'mrigen register MODEL'"):
        serve(project)


def test_without_a_store_there_is_nothing_to_serve(tmp_path):
    with pytest.raises(TrackingError, match="no MLflow store"):
        serve(write_project(tmp_path))
