"""Counters for Prometheus."""

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from mrigen.serving.routes.answers import GUARDED
from mrigen.serving.state import State

router = APIRouter(tags=["server"])

_MEDIA_TYPE = "text/plain"
_TEXT = {"description": "The counters", "content": {_MEDIA_TYPE: {"schema": {"type": "string"}}}}


@router.get("/metrics", response_class=Response, responses={200: _TEXT, **GUARDED})
def metrics(state: State) -> Response:
    """Count requests, images and what the engine does, in Prometheus' text format."""
    content = generate_latest(state.metrics.registry)
    return Response(content, media_type=CONTENT_TYPE_PLAIN_0_0_4)
