"""What the routes that take files take and answer, as their description has it."""

from typing import Any

from mrigen.serving.encoding.answers import AnswerFormat
from mrigen.serving.routes.answers import IMAGE_HEADERS, NOT_SERVED, TAKING, Answers, image_headers
from mrigen.serving.served import ServedModel
from mrigen.serving.uploads.media import ACCEPTED
from mrigen.serving.uploads.upload import Upload

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_MEDIA: dict[AnswerFormat, str] = {
    "png": "image/png",
    "npz": "application/x-npz",
    "nifti": "application/x-nifti",
}
_PACKED = "application/gzip"
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "the file itself: a PNG picture, an NPZ archive with the array `images`, or "
        "a NIfTI volume of one channel, plain or gzipped",
        "content": dict.fromkeys(ACCEPTED, _BINARY),
    }
}
_HEADERS: dict[str, Any] = IMAGE_HEADERS | {
    "Mrigen-Count": {"description": "slices", "schema": {"type": "integer", "minimum": 1}},
    "Mrigen-Resized": {
        "description": "height x width of the slices that were sent, where they were brought to "
        "the size of the model",
        "schema": {"type": "string"},
    },
    "Mrigen-Plane": {
        "description": "in which a volume was cut",
        "schema": {"enum": ["axial", "coronal", "sagittal"]},
    },
    "Mrigen-Levels": {
        "description": "intensities of a volume that became 0 and 1",
        "schema": {"type": "string"},
    },
}
SCALE: dict[str, Any] = {
    "Mrigen-Scale": {
        "description": "values of a map that the first and the last colour of a picture stand for",
        "schema": {"type": "string"},
    }
}
_CONTENT: dict[str, Any] = dict.fromkeys([*_MEDIA.values(), _PACKED], _BINARY)


def answers(headers: dict[str, Any]) -> Answers:
    """Describe what a route answers to a file, with these headers beside those of all."""
    answer = {"description": "The file", "content": _CONTENT, "headers": _HEADERS | headers}
    return {200: answer, **NOT_SERVED, **TAKING}


def described(
    model: ServedModel, upload: Upload, file_format: AnswerFormat, task: str
) -> tuple[dict[str, str], str]:
    """Return headers and media type of an answer.

    Parameters
    ----------
    model
        Was asked.
    upload
        What was sent.
    file_format
        Of the answer.
    task
        What was done, for the name of the file.
    """
    packed = file_format == "nifti" and upload.volume is not None and upload.volume.packed
    ending = {"nifti": "nii.gz" if packed else "nii"}.get(file_format, file_format)
    file_name = f"{model.name}-{model.version}-{task}.{ending}"
    media_type = _PACKED if packed else _MEDIA[file_format]
    return image_headers(model, file_name) | upload.headers, media_type
