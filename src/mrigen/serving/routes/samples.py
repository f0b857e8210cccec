"""Samples of a generator."""

import secrets
from functools import partial
from typing import Any

from fastapi import APIRouter, HTTPException, Response

from mrigen.errors import MrigenError
from mrigen.serving.drawing import plan_drawing
from mrigen.serving.encoding import ENDINGS, MEDIA_TYPES, file_stem, sample_encoder
from mrigen.serving.routes.answers import (
    IMAGE_HEADERS,
    NOT_SERVED,
    TAKING,
    Answers,
    ModelName,
    image_headers,
)
from mrigen.serving.schemas import LAST_SEED, SampleRequest
from mrigen.serving.state import State
from mrigen.serving.streaming import JobResponse

router = APIRouter(tags=["images"])

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_HEADERS: dict[str, Any] = IMAGE_HEADERS | {
    "Mrigen-Seed": {
        "description": "seed of the first sample",
        "schema": {"type": "integer", "minimum": 0, "maximum": LAST_SEED},
    },
    "Mrigen-Synthetic": {
        "description": "no image shows a person",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "Mrigen-Quick": {
        "description": "drawn in the quick mode; else it is missing",
        "schema": {"type": "string", "enum": ["true"]},
    },
}
_ANSWERS: Answers = {
    200: {
        "description": "The file",
        "content": dict.fromkeys(MEDIA_TYPES.values(), _BINARY),
        "headers": _HEADERS,
    },
    **NOT_SERVED,
    **TAKING,
}


@router.post("/v1/models/{name}/samples", response_class=Response, responses=_ANSWERS)
async def draw_samples(asked: SampleRequest, name: ModelName, state: State) -> JobResponse:
    """Draw samples. The same seed gives the same bytes, whatever else is asked for meanwhile."""
    model = state.shelf.find(name, asked.version)
    most = state.settings.max_count
    seed = secrets.randbelow(LAST_SEED - most) if asked.seed is None else asked.seed
    try:
        work = plan_drawing(model, asked, seed=seed, max_count=most)
    except MrigenError as error:
        raise HTTPException(422, str(error)) from None
    encoder = sample_encoder(
        asked.format, work, name=model.name, version=model.version, image_size=model.image_size
    )
    stem = file_stem(work, name=model.name, version=model.version)
    headers = image_headers(model, f"{stem}-{seed}.{ENDINGS[asked.format]}")
    headers |= {"Mrigen-Seed": str(seed), "Mrigen-Synthetic": "true"}
    if work.quick:
        headers["Mrigen-Quick"] = "true"
    return JobResponse(
        state,
        work,
        encoder,
        media_type=MEDIA_TYPES[asked.format],
        headers=headers,
        images=partial(state.metrics.count_images, model, "sample", quick=work.quick),
    )
