"""Servers of the same model, ours and MLflow's, each in a process of its own."""

import contextlib
import functools
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path
from typing import Any


def processor_seconds(pid: int) -> float:
    """Return what a process and its children have computed."""
    spent = 0.0
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        spent = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        for task in Path(f"/proc/{pid}/task").iterdir():
            spent += sum(map(processor_seconds, map(int, (task / "children").read_text().split())))
    return spent


@functools.cache
def load(project: str, model: str, *, untrained: bool) -> tuple[Any, int]:
    """Load or build a network and return it with the size of its images."""
    if untrained:
        from mrigen.models.build import build_network
        from mrigen.project import load_project

        params = load_project(Path(project)).params
        config = params.models[model]
        size = params.datasets[config.dataset].size
        return build_network(config.network, size).eval(), size
    from mrigen.stages.serving.loading import load_served
    from mrigen.tracking.tracker import connect

    served = load_served(connect(Path(project), write=False), model)
    return served.network, served.image_size


def serve_untrained(project: str, model: str, port: int) -> None:
    """Serve a network that was never trained; in a process of its own."""
    import torch

    from mrigen.models.build import count_parameters
    from mrigen.serving.app import create_app
    from mrigen.serving.engine.cores import lanes_for
    from mrigen.serving.served import ServedModel
    from mrigen.serving.settings import ServingSettings
    from mrigen.serving.shelf import Shelf
    from mrigen.stages.serving.listening import DrainingServer, bind

    network, size = load(project, model, untrained=True)
    torch.set_num_threads(1)  # as `mrigen serve` does
    served = ServedModel(model, 1, (), "0" * 64, size, network, count_parameters(network)[0], {})
    app = create_app(Shelf([served]), ServingSettings(lanes=lanes_for("cpu")))
    with bind("127.0.0.1", port) as listener:
        listener.listen()
        DrainingServer(app, app.state.server, drain_seconds=1).run(sockets=[listener])


@contextlib.contextmanager
def mrigen_server(project: str, model: str, *, untrained: bool) -> Iterator[tuple[int, int]]:
    """Give the process id and the port of a server of ours."""
    if untrained:
        port = free_port()
        process = get_context("spawn").Process(target=serve_untrained, args=(project, model, port))
        process.start()
        try:
            wait_for(f"http://127.0.0.1:{port}/ready")
            yield process.pid or 0, port
        finally:
            process.terminate()
            process.join()
        return
    port = free_port()
    command = [Path(sys.executable).with_name("mrigen"), "serve"]
    with server([*command, "--model", model, "--port", str(port)], project) as pid:
        wait_for(f"http://127.0.0.1:{port}/ready")
        yield pid, port


@contextlib.contextmanager
def mlflow_server(project: str, model: str) -> Iterator[tuple[int, int]]:
    """Give the process id and the port of MLflow's server of the same model."""
    port = free_port()
    named = model if "@" in model or "/" in model else f"{model}@champion"
    command = [Path(sys.executable).with_name("mlflow"), "models", "serve", "--env-manager=local"]
    arguments = ["--model-uri", f"models:/{named}", "--port", str(port)]
    store = f"sqlite:///{Path(project).resolve() / 'mlflow.db'}"
    environment = {
        "MLFLOW_TRACKING_URI": store,
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    with server([*command, *arguments], project, environment) as pid:
        wait_for(f"http://127.0.0.1:{port}/ping")
        yield pid, port


@contextlib.contextmanager
def server(
    command: list[object], folder: str, environment: dict[str, str] | None = None
) -> Iterator[int]:
    """Run a command that serves in a process group of its own."""
    with subprocess.Popen(
        [str(part) for part in command],
        cwd=folder,
        env=os.environ | (environment or {}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            yield process.pid
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def wait_for(url: str) -> None:
    """Wait until a server answers."""
    for _ in range(600):
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):
            return
        time.sleep(0.2)
    raise SystemExit(f"{url} does not answer")
