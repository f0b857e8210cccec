"""Answers to images that clients send: restored, or searched for what is unusual."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from starlette.concurrency import run_in_threadpool

from mrigen.serving.encoding.answers import (
    MAP_SCALES,
    AnswerFile,
    encode_anomaly,
    encode_restored,
)
from mrigen.serving.routes.upload_answers import BODY, SCALE, answers, described
from mrigen.serving.streaming import JobResponse
from mrigen.serving.uploads.sending import Asked, Sending, Show
from mrigen.serving.work import Restoring, Surprise

router = APIRouter(tags=["images"])
FromClient = Annotated[Sending, Depends()]


@router.post(
    "/v1/models/{name}/restore",
    response_class=Response,
    responses=answers({}),
    openapi_extra=BODY,
)
async def restore_images(sending: FromClient, show: Show = "answer") -> Response:
    """Ask a network for its answers to a picture, a stack or a volume."""
    model = sending.model
    network = sending.network(model)
    upload = await sending.upload(model)
    file_format = sending.answer_format(upload)
    encode = partial(encode_restored, upload=upload, file_format=file_format)
    task = "restored" if show == "answer" else "input"
    headers, media_type = described(model, upload, file_format, task)
    if show == "input":
        content = await run_in_threadpool(encode, upload.images)
        return Response(content, headers=headers, media_type=media_type)
    work = Restoring(network, upload.images)
    return JobResponse(
        *(sending.state, work, AnswerFile(encode)),
        media_type=media_type,
        headers=headers,
        images=sending.counted(model, "restore"),
        few_pixels=0,  # a volume is large, however few pixels the network sees of it
    )


@router.post(
    "/v1/models/{name}/anomaly",
    response_class=Response,
    responses=answers(SCALE),
    openapi_extra=BODY,
)
async def find_anomalies(sending: FromClient, method: Asked = "residual") -> Response:
    """Ask how unusual every pixel of a picture, a stack or a volume is to a network."""
    model = sending.model
    network = sending.network(model)
    vae = sending.vae(model) if method == "probability" else None
    upload = await sending.upload(model)
    file_format = sending.answer_format(upload)
    encode = partial(encode_anomaly, upload=upload, file_format=file_format, method=method)
    headers, media_type = described(model, upload, file_format, "anomaly")
    if file_format == "png":
        headers["Mrigen-Scale"] = f"0 {MAP_SCALES[method]:g}"
    work = Restoring(network, upload.images) if vae is None else Surprise(vae, upload.images)
    return JobResponse(
        *(sending.state, work, AnswerFile(encode)),
        media_type=media_type,
        headers=headers,
        images=sending.counted(model, "anomaly"),
        few_pixels=0,  # a volume is large, however few pixels the network sees of it
    )
