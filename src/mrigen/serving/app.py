"""The HTTP server: registered generators answer requests."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext

from fastapi import Depends, FastAPI
from fastapi.middleware import Middleware

from mrigen import __version__
from mrigen.serving.batcher import Batcher
from mrigen.serving.draining import DrainGate
from mrigen.serving.keys import Keys
from mrigen.serving.metrics import Measured
from mrigen.serving.openapi import DescribedApp
from mrigen.serving.problems import add_problem_handlers
from mrigen.serving.protection.stack import inner_protection, outer_protection
from mrigen.serving.routes import health, metrics, models, pages, reference, restoring, samples
from mrigen.serving.routes.answers import refuse_unknown_parameters
from mrigen.serving.settings import ServingSettings
from mrigen.serving.shelf import Shelf
from mrigen.serving.state import ServerState

Attendance = Callable[[ServerState], AbstractAsyncContextManager[object]]


def create_app(
    shelf: Shelf,
    settings: ServingSettings | None = None,
    *,
    keys: Keys | None = None,
    hosts: frozenset[str] | None = None,
    attend: Attendance | None = None,
) -> FastAPI:
    """Make the application.

    Parameters
    ----------
    shelf
        What to serve.
    settings
        Limits.
    keys
        What clients have to show; nothing by default.
    hosts
        Names of the server, as `host_names` finds them; it answers to every name by default.
    attend
        Entered when the server starts and left when it stops; it may replace what is on the
        shelf meanwhile.
    """
    settings = settings or ServingSettings()
    batcher = Batcher(
        lanes=settings.lanes, places=settings.places, wait_seconds=settings.wait_seconds
    )
    state = ServerState(shelf, batcher, settings)
    state.metrics.watch(state)
    app = DescribedApp(
        settings,
        keys,
        title="mrigen",
        version=__version__,
        summary="Registered generators of brain MRI slices: new, restored and searched ones.",
        lifespan=_lifespan,
        redirect_slashes=False,  # behind a proxy, a redirect would name the wrong scheme
        middleware=[
            *outer_protection(hosts),
            Middleware(Measured, metrics=state.metrics),
            Middleware(DrainGate, state=state),
            *inner_protection(settings, keys),
        ],
        dependencies=[Depends(refuse_unknown_parameters)],
    )
    app.state.server, app.state.attend = state, attend or nullcontext
    for part in (models, samples, restoring, health, metrics, reference, pages):
        app.include_router(part.router)
    add_problem_handlers(app)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    state: ServerState = app.state.server
    async with state.batcher, app.state.attend(state):
        state.ready = True
        yield
        state.ready = False
