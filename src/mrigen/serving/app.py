"""The HTTP server: registered generators answer requests for samples."""

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from mrigen import __version__
from mrigen.serving.desk import Desk
from mrigen.serving.encoding import MEDIA_TYPES
from mrigen.serving.problems import add_problem_handlers, shown
from mrigen.serving.protection import BodyLimit, SecurityHeaders
from mrigen.serving.schemas import (
    LAST_SEED,
    Health,
    ModelList,
    Problem,
    Readiness,
    SampleRequest,
    most_samples,
)
from mrigen.serving.served import ServedModel

PLACES = 32

_router = APIRouter()


def create_app(models: Sequence[ServedModel], *, places: int = PLACES) -> FastAPI:
    """Make the application.

    Parameters
    ----------
    models
        What to serve; no two with the same name.
    places
        Requests for samples that may be under way or waiting; one more is answered with 503.
    """
    # The interactive pages of FastAPI load scripts from elsewhere; /openapi.json stays.
    app = FastAPI(
        title="mrigen",
        version=__version__,
        summary="Samples of brain MRI slices from registered generators. All images are synthetic.",
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
    )
    app.state.models = {model.name: model for model in models}
    app.state.desk = Desk(places)
    app.state.ready = False
    app.include_router(_router)
    app.add_middleware(BodyLimit)
    app.add_middleware(SecurityHeaders)
    add_problem_handlers(app)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    # The first call of a network is slow; let no client wait for it.
    for model in app.state.models.values():
        if "sample" in model.tasks:
            draw = partial(model.sample_file, count=1, seed=0, file_format="png")
            await run_in_threadpool(draw)
    app.state.ready = True
    yield
    app.state.ready = False


def _served(name: str, request: Request) -> ServedModel:
    models: dict[str, ServedModel] = request.app.state.models
    if name not in models:
        known = ", ".join(f"'{one}'" for one in sorted(models)) or "none"
        raise HTTPException(404, f"model {shown(name)} is not served here: there is {known}.")
    return models[name]


@_router.get("/", include_in_schema=False)
async def index() -> dict[str, object]:
    """Name what can be asked for."""
    links = ["/v1/models", "/health", "/ready", "/openapi.json"]
    return {"name": "mrigen", "version": __version__, "links": links}


@_router.get("/health")
async def health() -> Health:
    """Say that the server is alive."""
    return Health(version=__version__)


@_router.get("/ready", responses={503: {"model": Readiness}})
async def readiness(request: Request) -> Response:
    """Say whether requests for samples will be answered."""
    state = request.app.state
    answer = Readiness(ready=state.ready, models=len(state.models))
    return JSONResponse(answer.model_dump(), status_code=200 if state.ready else 503)


@_router.get("/v1/models")
async def list_models(request: Request) -> ModelList:
    """List the served models and what they can do."""
    return ModelList(models=[model.entry for model in request.app.state.models.values()])


@_router.post(
    "/v1/models/{name}/samples",
    response_class=Response,
    responses={
        200: {"content": {media: {} for media in MEDIA_TYPES.values()}},
        404: {"model": Problem},
        413: {"model": Problem},
        422: {"model": Problem},
        503: {"model": Problem},
    },
)
async def draw_samples(
    asked: SampleRequest, request: Request, model: Annotated[ServedModel, Depends(_served)]
) -> Response:
    """Draw samples. The same seed gives the same bytes, whatever else is asked for meanwhile."""
    if "sample" not in model.tasks:
        raise HTTPException(
            422, f"model '{model.name}' restores images and cannot make new ones: ask another one."
        )
    most = most_samples(model.image_size)
    if asked.count > most:
        raise HTTPException(
            422,
            f"'count' is {asked.count}: model '{model.name}' makes images of {model.image_size} "
            f"pixels, at most {most} in one request. Ask several times.",
        )
    seed = secrets.randbelow(LAST_SEED - asked.count) if asked.seed is None else asked.seed
    draw = partial(model.sample_file, count=asked.count, seed=seed, file_format=asked.format)
    content = await request.app.state.desk.run(draw)
    filename = f"{model.name}-{model.version}-{seed}.{asked.format}"
    headers = {
        "Content-Disposition": f'inline; filename="{filename}"',
        "Mrigen-Model": model.name,
        "Mrigen-Version": str(model.version),
        "Mrigen-Digest": model.digest,
        "Mrigen-Seed": str(seed),
    }
    return Response(content, media_type=MEDIA_TYPES[asked.format], headers=headers)
