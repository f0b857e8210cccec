"""Whether the server lives, and whether it answers."""

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from mrigen import __version__
from mrigen.serving.routes.answers import PROBLEMS
from mrigen.serving.schemas import Health, Readiness
from mrigen.serving.state import State

router = APIRouter(tags=["server"])
_NOT_READY = {"model": Readiness, "description": "The server is starting or stopping"}


@router.get("/health", responses=PROBLEMS, response_description="It is alive")
async def health() -> Health:
    """Say that the server is alive."""
    return Health(version=__version__)


@router.get(
    "/ready",
    response_model=Readiness,
    responses={**PROBLEMS, 503: _NOT_READY},
    response_description="It answers requests",
)
async def readiness(state: State) -> Response:
    """Say whether requests for images will be answered."""
    ready = state.ready and not state.draining
    answer = Readiness(ready=ready, models=len(state.shelf.models))
    return JSONResponse(answer.model_dump(), status_code=200 if ready else 503)
