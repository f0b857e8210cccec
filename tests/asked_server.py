"""Requests to a server in this process."""

import io
from contextlib import contextmanager

import numpy as np
from fastapi.testclient import TestClient

from mrigen.serving.app import create_app
from mrigen.serving.settings import ServingSettings
from mrigen.serving.shelf import Shelf


@contextmanager
def client_of(*models, keys=None, **settings):
    """Start a server with these models; its defects are answers, as they are over a network."""
    app = create_app(Shelf(models), ServingSettings(**settings), keys=keys)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def ask(client, model="vae", **body):
    """Ask for samples."""
    return client.post(f"/v1/models/{model}/samples", json=body)


def arrays(answer):
    """Return the arrays of an answer."""
    with np.load(io.BytesIO(answer.content), allow_pickle=False) as loaded:
        return dict(loaded)
