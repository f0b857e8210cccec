"""Questions to a model, as the server takes them."""

import json
import secrets
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mrigen.client.answers import FloatImages, ModelInfo
from mrigen.client.exchange import Question
from mrigen.client.uploads import make_upload
from mrigen.errors import ClientError

Value = float | str


def chosen_seed(seed: int | None, count: int) -> int:
    """Return the seed of the first of `count` samples, a random one for None.

    Raises
    ------
    ClientError
        If there are no such samples.
    """
    if count < 1:
        raise ClientError(f"count is {count}: expected 1 or more samples.")
    if seed is None:
        return secrets.randbelow(2**63 - count)
    if not 0 <= seed <= 2**63 - count:
        raise ClientError(f"seed is {seed}: expected 0 to 2**63 - {count} for {count} samples.")
    return seed


def ask_for_samples(
    model: ModelInfo,
    count: int,
    seed: int,
    conditions: Mapping[str, Value] | None,
    file_format: str,
    *,
    quick: bool = False,
) -> Question:
    """Ask for samples in a file.

    Raises
    ------
    ClientError
        If a condition cannot be sent.
    """
    # The version is named, so that a repeated request cannot meet another one.
    asked: dict[str, Any] = {"count": count, "seed": seed, "version": model.version}
    asked |= {"format": file_format, "conditions": dict(conditions or {})}
    if quick:  # a server from before there were such modes does not know the word
        asked["quick"] = True
    try:
        body = json.dumps(asked, allow_nan=False).encode()
    except (TypeError, ValueError):
        raise ClientError(
            "a condition is neither a finite number nor a text: expected values as the model "
            "lists them, and no entry for what is to be left open."
        ) from None
    return Question(f"/v1/models/{quote(model.name)}/samples", lambda: BytesIO(body))


def ask_of_images(
    task: str, model: ModelInfo, images: FloatImages | str | Path, query: Mapping[str, str]
) -> Question:
    """Ask for answers to images as an archive of arrays.

    Raises
    ------
    ClientError
        If the images cannot be sent.
    """
    upload = make_upload(images)
    query = {"version": str(model.version), "format": "npz", **query}
    return Question(f"/v1/models/{quote(model.name)}/{task}", upload.open, upload.kind, query)
