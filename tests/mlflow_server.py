"""An MLflow server of its own process, with its store in a folder."""

import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager


@contextmanager
def running_mlflow(folder, environment):
    """Start a server on a database that is there; gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--workers", "1"),
        *("--host", "127.0.0.1", "--port", str(port)),
        *("--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"),
        *("--artifacts-destination", str(folder / "artifacts")),
    ]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        try:
            address = f"http://127.0.0.1:{port}"
            while not _answers(address):
                assert server.poll() is None, (folder / "server.log").read_text()
                time.sleep(0.1)
            yield address
        finally:
            server.terminate()
            server.wait(60)


def _answers(address):
    try:
        urllib.request.urlopen(f"{address}/health", timeout=5).close()
    except OSError:
        return False
    return True
