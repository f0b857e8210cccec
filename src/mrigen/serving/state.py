"""What the routes of one server share."""

from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends, Request

from mrigen.serving.batcher import Batcher
from mrigen.serving.metrics import Metrics
from mrigen.serving.schemas import Refused
from mrigen.serving.settings import ServingSettings
from mrigen.serving.shelf import Shelf
from mrigen.serving.uploads.room import UploadRoom


@dataclass
class ServerState:
    """The parts of a running server.

    Attributes
    ----------
    shelf
        What is served now.
    batcher
        The engine.
    settings
        Limits.
    ready
        Whether requests will be answered: after the warm-up, until the server is told to stop.
    draining
        Whether the server has been told to stop.
    under_way
        Requests that are being answered.
    refused
        Versions that should be served and were kept out.
    uploads
        Room for what clients send.
    metrics
        What is counted.
    """

    shelf: Shelf
    batcher: Batcher
    settings: ServingSettings
    ready: bool = False
    draining: bool = False
    under_way: int = 0
    refused: tuple[Refused, ...] = ()
    uploads: UploadRoom = field(default_factory=UploadRoom)
    metrics: Metrics = field(default_factory=Metrics)


# Not a plain function: these are called in a thread, which takes longer than all else here.
async def _state_of(request: Request) -> ServerState:
    return cast("ServerState", request.app.state.server)


State = Annotated[ServerState, Depends(_state_of)]
