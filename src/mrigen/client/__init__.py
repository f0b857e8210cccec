"""Asking a server for images, from a script or a notebook.

Two lines are enough::

    from mrigen.client import Client
    images = Client("http://127.0.0.1:8000").sample("vae", count=16, seed=1).images
"""

from mrigen.client.answers import AnomalyMaps, ImageFile, ModelInfo, Restored, Samples
from mrigen.client.client import Client

__all__ = ["AnomalyMaps", "Client", "ImageFile", "ModelInfo", "Restored", "Samples"]
