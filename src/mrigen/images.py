"""Images as float32 in [0, 1] with shape (N, 1, H, W), and the pictures people look at."""

from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from mrigen.atomic import atomic_file

UInt8Array = npt.NDArray[np.uint8]


def to_uint8(images: torch.Tensor) -> UInt8Array:
    """Round images in [0, 1] to eight bits, keeping their shape."""
    scaled = images.detach().float().clamp(0, 1).mul(255).round()
    return scaled.to(torch.uint8).cpu().numpy()


def from_integers(pixels: npt.NDArray[np.integer]) -> torch.Tensor:
    """Scale uint8 or uint16 pixels to float32 in [0, 1], keeping their shape."""
    limit = np.iinfo(pixels.dtype).max
    return torch.from_numpy(pixels.astype(np.float32) / np.float32(limit))


def contact_sheet(images: torch.Tensor, *, columns: int | None = None, gap: int = 2) -> UInt8Array:
    """Lay images out in rows, left to right and top to bottom.

    Parameters
    ----------
    images : (N, 1, H, W) float32 in [0, 1]
    columns
        Images per row; by default the sheet is as square as it can be.
    gap
        Pixels between images.

    Returns
    -------
    (rows * (H + gap) - gap, columns * (W + gap) - gap) uint8
    """
    pixels = to_uint8(images)[:, 0]
    count, height, width = pixels.shape
    columns = min(columns or int(np.ceil(np.sqrt(count))), count)
    rows = -(-count // columns)
    sheet = np.zeros((rows * (height + gap) - gap, columns * (width + gap) - gap), np.uint8)
    for index, picture in enumerate(pixels):
        top, left = (index // columns) * (height + gap), (index % columns) * (width + gap)
        sheet[top : top + height, left : left + width] = picture
    return sheet


def encode_png(picture: UInt8Array) -> bytes:
    """Encode one grey (H, W) or RGB (H, W, 3) picture; the same picture gives the same bytes."""
    buffer = BytesIO()
    Image.fromarray(picture).save(buffer, format="PNG")
    return buffer.getvalue()


def write_png(path: Path, picture: UInt8Array) -> None:
    """Write one picture as a PNG file, atomically."""
    with atomic_file(path) as temporary:
        temporary.write_bytes(encode_png(picture))
