"""A request with a file: who is asked, what is asked of the file, and the file itself."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal, NamedTuple

from fastapi import Depends, HTTPException, Query, Request
from starlette.concurrency import run_in_threadpool

from mrigen.data.records import Plane
from mrigen.data.uploads.limits import TooLargeError
from mrigen.errors import DataError
from mrigen.models.interfaces import Reconstructor
from mrigen.models.vae import VAE
from mrigen.serving.encoding.answers import AnswerFormat, Method
from mrigen.serving.schemas import Task, most_on_a_sheet
from mrigen.serving.served import ServedModel
from mrigen.serving.state import State
from mrigen.serving.uploads.media import check_kind, check_media_type
from mrigen.serving.uploads.upload import Upload, read_upload

Version = Annotated[
    int | None,
    Query(ge=1, description="of the model; left out, the one that the server names first"),
]
Format = Annotated[
    AnswerFormat | None,
    Query(
        alias="format",
        description="of the answer; left out, as sent. A picture or an array lies nowhere in a "
        "scanner, and cannot be answered with NIfTI",
    ),
]
Cut = Annotated[
    Plane,
    Query(
        description="in which a volume is cut: that of the slices which the model has learnt from; "
        "a single slice is taken as it lies"
    ),
]
Show = Annotated[
    Literal["answer", "input"],
    Query(description="the model's answer, or what the model is given of the file"),
]
Asked = Annotated[
    Method,
    Query(
        description="residual: absolute difference between a slice and the model's answer; "
        "probability: how much less probable a VAE finds a pixel than the best it could be, in nats"
    ),
]


async def _until_answered() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


Held = Annotated[AsyncExitStack, Depends(_until_answered)]


class _Refused(NamedTuple):
    status: int
    sentence: str


def _read_or_refused(read: Callable[[], Upload]) -> Upload | _Refused:
    # An error that leaves a thread of the pool is kept by its future, and keeps the whole file
    # with its frames, until the garbage collector comes by.
    try:
        return read()
    except TooLargeError as error:
        return _Refused(413, str(error))
    except DataError as error:
        return _Refused(422, str(error))


@dataclass(frozen=True)
class Sending:
    """A request with a file, and what is asked of the file."""

    request: Request
    state: State
    held: Held
    name: str
    version: Version = None
    file_format: Format = None
    plane: Cut = "axial"

    @property
    def model(self) -> ServedModel:
        """Who is asked."""
        return self.state.shelf.find(self.name, self.version)

    def counted(self, model: ServedModel, task: Task) -> Callable[[int], None]:
        """Return what is to be told of answers, for the metrics."""
        return partial(self.state.metrics.count_images, model, task)

    @staticmethod
    def network(model: ServedModel) -> Reconstructor:
        """Return the network, which has to answer images."""
        if isinstance(model.network, Reconstructor):
            return model.network
        raise HTTPException(
            422, f"model '{model.name}' makes images and answers none: ask another one."
        )

    @staticmethod
    def vae(model: ServedModel) -> VAE:
        """Return the network, which has to know probabilities."""
        if isinstance(model.network, VAE):
            return model.network
        kind = type(model.network).__name__
        raise HTTPException(
            422,
            f"model '{model.name}' is a {kind}, which knows no probability: expected a VAE. Use "
            "the method 'residual', or ask another model.",
        )

    async def upload(self, model: ServedModel) -> Upload:
        """Wait for room, and decode the file beside the event loop."""
        declared = self.request.headers.get("content-type")
        kinds = check_media_type(declared)
        # Kept until the answer has been sent, and the memory is free again.
        await self.held.enter_async_context(self.state.uploads.place())
        content = await self.request.body()
        read = partial(
            read_upload,
            *(content, check_kind(content, kinds, declared)),
            size=model.image_size,
            max_pixels=self.state.settings.max_upload_pixels,
            plane=self.plane,
        )
        found = await run_in_threadpool(_read_or_refused, read)
        if isinstance(found, _Refused):
            raise HTTPException(found.status, found.sentence)
        return found

    def answer_format(self, upload: Upload) -> AnswerFormat:
        """Return the format that was asked for, or that of the file."""
        wanted = self.file_format or upload.kind
        most = most_on_a_sheet(upload.images.shape[-1])
        if wanted == "nifti" and upload.volume is None:
            raise HTTPException(
                422,
                "'format' is 'nifti', and what was sent lies nowhere in a scanner: expected 'png' "
                "or 'npz', or a NIfTI volume.",
            )
        if wanted == "png" and len(upload.images) > most:
            raise HTTPException(
                422,
                f"the file has {len(upload.images)} slices, and a picture shows at most {most}: "
                "ask for another 'format'.",
            )
        return wanted
