import subprocess
import sys

import numpy as np
import pytest

from live_server import listening
from mrigen.images import encode_png
from mrigen.serving.app import create_app
from mrigen.serving.reference.examples import curl, python
from mrigen.serving.reference.operations import operations
from mrigen.serving.shelf import Shelf
from small_served import served

LISTED = {f"{one.method} {one.path}": one for one in operations(create_app(Shelf()).openapi())}
DRAW = LISTED["POST /v1/models/{name}/samples"]


def test_a_shell_command_names_method_key_body_and_file():
    assert curl(DRAW, key=True) == (
        "curl -X POST http://127.0.0.1:8000/v1/models/vae/samples \\\n"
        '  -H "Authorization: Bearer $MRIGEN_API_KEY" \\\n'
        "  -H 'Content-Type: application/json' \\\n"
        '  -d \'{"count": 16, "format": "png", "seed": 1}\' \\\n'
        "  -o answer.png"
    )
    assert curl(LISTED["GET /health"], key=True) == "curl http://127.0.0.1:8000/health"


def test_a_key_is_named_where_one_is_needed():
    assert "MRIGEN_API_KEY" in python(DRAW, key=True)
    assert "MRIGEN_API_KEY" not in python(DRAW, key=False)
    assert "MRIGEN_API_KEY" not in python(LISTED["GET /ready"], key=True)


@pytest.fixture(scope="module")
def address():
    with listening(create_app(Shelf([served("vae")]))) as (host, port):
        yield f"http://{host}:{port}"


@pytest.mark.parametrize("key", LISTED)
def test_the_examples_in_python_run(key, address, tmp_path):
    program = python(LISTED[key], key=False).replace("http://127.0.0.1:8000", address)
    (tmp_path / "slice.png").write_bytes(encode_png(np.full((32, 32), 128, np.uint8)))
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")
