import io
import json
import re
import shutil
import signal
import socket
import subprocess
import sys

import httpx
import numpy as np
import pytest
import torch

from mrigen.bundle import save_bundle
from mrigen.errors import ConfigError, RegistryError, TrackingError
from mrigen.registry.versions import resolve
from mrigen.stages.register import register
from mrigen.stages.serving.serve import Service, serve
from mrigen.tracking.tracker import connect
from small_bundles import config, network
from small_registry import GOOD, registered_project, write_evaluated, write_project
from tampered import BUNDLE, change_byte


@pytest.fixture(scope="module")
def registered(empty_database, tmp_path_factory):
    """A project with two champions and a candidate."""
    folder = tmp_path_factory.mktemp("registered")
    registered_project(folder, empty_database, vae=GOOD, gan=GOOD, unet={})
    return folder


@pytest.fixture
def root(registered, tmp_path):
    shutil.copytree(registered, tmp_path / "copy")
    return tmp_path / "copy"


@pytest.fixture
def start(root, quiet_environment):
    started = []

    def run(*words, until=r"Listening on (http://127\.0\.0\.1:\d+)"):
        command = [sys.executable, "-m", "mrigen", "--project", str(root), "serve"]
        process = subprocess.Popen(
            [*command, "--port", "0", *words],
            stderr=subprocess.PIPE, text=True, env=quiet_environment,
        )  # fmt: skip
        started.append(process)
        for line in process.stderr:
            found = re.search(until, line)
            if found:
                return process, found[1]
        raise AssertionError("the server ended before it listened")

    yield run
    for process in started:
        process.kill()
        process.communicate()


def client(url):
    return httpx.Client(base_url=url, timeout=60)


def ended(process):
    """Wait for the end of a process; gives what it said."""
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in errors
    return errors


def test_champions_are_served_until_a_signal_comes(start):
    process, url = start()
    with client(url) as asked:
        assert asked.get("/ready").json()["models"] == 2
        models = asked.get("/v1/models").json()["models"]
        assert [(model["name"], model["version"]) for model in models] == [("gan", 1), ("vae", 1)]
        body = {"count": 3, "seed": 1}
        first, again = (asked.post("/v1/models/vae/samples", json=body) for _ in range(2))
        assert first.status_code == 200
        assert first.content == again.content
        assert "server" not in first.headers
    process.send_signal(signal.SIGTERM)
    assert "The server has stopped." in ended(process)


def test_chosen_models_are_served_until_the_keyboard_interrupts(start):
    process, url = start("--model", "unet@candidate", "--model", "vae/1")
    with client(url) as asked:
        models = asked.get("/v1/models").json()["models"]
    assert [model["name"] for model in models] == ["unet", "vae"]
    process.send_signal(signal.SIGINT)
    ended(process)


def test_a_stop_finishes_what_is_under_way_and_refuses_what_is_new(start):
    process, url = start("--max-count", "200000")
    count = 20_000
    with client(url) as asked:
        body = {"count": count, "seed": 1, "format": "npz"}
        with asked.stream("POST", "/v1/models/vae/samples", json=body) as answer:
            pieces = answer.iter_raw()
            content = [next(pieces)]
            process.send_signal(signal.SIGTERM)
            assert "1 requests have 30 s" in next(process.stderr)
            with client(url) as other:
                assert other.get("/ready").status_code == 503
                refused = other.post("/v1/models/vae/samples", json={"count": 1})
            assert refused.status_code == 503
            assert refused.headers["retry-after"] == "5"
            assert refused.headers["connection"] == "close"
            content += pieces
    with np.load(io.BytesIO(b"".join(content))) as arrays:
        assert len(arrays["images"]) == count
    ended(process)


def test_what_is_not_finished_in_time_is_cut_off(start):
    process, url = start("--drain", "0.2", "--max-count", "1000000")
    with client(url) as asked:
        body = {"count": 1_000_000, "seed": 1, "format": "npz"}
        with asked.stream("POST", "/v1/models/vae/samples", json=body) as answer:
            pieces = answer.iter_raw()
            next(pieces)
            process.send_signal(signal.SIGTERM)
            with pytest.raises(httpx.TransportError):
                list(pieces)
    assert "1 requests were cut off." in ended(process)


def test_a_second_signal_ends_at_once(start):
    process, url = start("--max-count", "1000000")
    with client(url) as asked:
        body = {"count": 1_000_000, "seed": 1, "format": "npz"}
        with asked.stream("POST", "/v1/models/vae/samples", json=body) as answer:
            pieces = answer.iter_raw()
            next(pieces)
            process.send_signal(signal.SIGTERM)
            assert "1 requests have" in next(process.stderr)
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM


def test_a_signal_during_the_start_ends_it(start):
    process, _ = start(until="()is kept out|()version 1")
    process.send_signal(signal.SIGTERM)
    ended(process)


def test_a_server_whose_only_model_computes_nothing_finite_ends(start, root):
    project = write_project(root)
    net = network("vae")
    torch.nn.init.constant_(next(net.parameters()), torch.nan)
    digest = save_bundle(project.bundle("vae"), net, config=config("vae"), card={})
    (project.evaluation("vae") / "evaluated.json").write_text(json.dumps({"bundle": digest}))
    register(project, "vae")
    process, _ = start("--model", "vae/2")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "mrigen: a model cannot be served" in errors
    assert "Traceback" not in errors


def test_a_running_server_follows_an_alias_and_keeps_a_spoilt_version_out(start, root):
    tracker = connect(root)
    project = write_project(root)
    for seed in (1, 2):
        write_evaluated(project, "vae", seed=seed)
        register(project, "vae")
    change_byte(resolve(tracker, "vae/3").path.parent.parent / BUNDLE / "weights.safetensors")
    process, url = start("--watch", "0.05")
    with client(url) as asked:
        body = {"count": 2, "seed": 1}
        before = asked.post("/v1/models/vae/samples", json=body)
        tracker.client.set_registered_model_alias("vae", "champion", "3")
        assert "'vae' version 3 is kept out of service" in until_said(process, "kept out")
        kept = asked.post("/v1/models/vae/samples", json=body)
        assert kept.content == before.content
        listed = asked.get("/v1/models").json()
        assert listed["refused"] == [{"name": "vae", "version": 3, "reason": "checks"}]
        tracker.client.set_registered_model_alias("vae", "champion", "2")
        until_said(process, "in version 2 now")
        after = asked.post("/v1/models/vae/samples", json=body)
        assert after.headers["mrigen-version"] == "2"
        assert after.content != before.content
    process.send_signal(signal.SIGTERM)
    ended(process)


def until_said(process, words):
    for line in process.stderr:
        if words in line:
            return line
    raise AssertionError(f"the server ended without '{words}'")


def test_a_port_in_use_is_told(root):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1:{port}"):
            serve(root, Service(port=port))


@pytest.mark.parametrize("host", ["192.0.2.1", "a..b", "x" * 64])
def test_a_host_that_is_not_here_is_told(root, host):
    with pytest.raises(ConfigError, match="cannot listen on"):
        serve(root, Service(host=host, port=0))


def test_others_are_not_let_in_without_keys(root, monkeypatch):
    monkeypatch.delenv("MRIGEN_API_KEY", raising=False)
    with pytest.raises(ConfigError, match="it has no keys: give it some"):
        serve(root, Service(host="0.0.0.0", port=0))


def test_keys_and_no_keys_contradict_each_other(root, monkeypatch):
    monkeypatch.setenv("MRIGEN_API_KEY", "k" * 32)
    with pytest.raises(ConfigError, match="contradicts"):
        serve(root, Service(port=0, without_keys=True))


def test_a_spoilt_model_that_was_named_is_not_served(root):
    change_byte(resolve(connect(root), "vae").path / "config.json")
    with pytest.raises(RegistryError, match="not those that were registered"):
        serve(root, Service(models=("vae",), port=0))


def test_a_model_that_is_not_registered_is_told(root):
    with pytest.raises(RegistryError, match="no model 'other' is registered"):
        serve(root, Service(models=("vae", "other"), port=0))


def test_without_a_champion_there_is_nothing_to_serve(store):
    connect(store)
    with pytest.raises(RegistryError, match="run 'mrigen register MODEL'"):
        serve(store, Service(port=0))


def test_without_a_store_there_is_nothing_to_serve(tmp_path):
    with pytest.raises(TrackingError, match="no MLflow store"):
        serve(tmp_path, Service(port=0))
