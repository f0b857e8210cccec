"""Images that a network cannot take, refused in one sentence."""

from torch import Tensor

from mrigen.errors import ModelError


def require_halvings(name: str, depth: int, height: int, width: int) -> None:
    """Refuse sides in pixels that cannot be halved `depth` times.

    Raises
    ------
    ModelError
        If a side is no multiple of `2 ** depth`.
    """
    if height % 2**depth or width % 2**depth:
        raise ModelError(
            f"a '{name}' with depth {depth} cannot take images of {height} x {width} pixels: "
            f"expected sides that are a multiple of {2**depth}. "
            "Lower 'depth' or change the dataset's 'size'."
        )


def require_grey(name: str, images: Tensor) -> None:
    """Refuse a batch that is not (N, 1, H, W).

    Raises
    ------
    ModelError
        If it has another shape.
    """
    if images.ndim != 4 or images.shape[1] != 1:
        raise ModelError(
            f"a '{name}' takes images of shape (N, 1, H, W), not {tuple(images.shape)}: "
            "give it grey images, one channel each."
        )


def require_size(name: str, images: Tensor, size: int) -> None:
    """Refuse a batch that is not (N, 1, size, size).

    Raises
    ------
    ModelError
        If it has another shape.
    """
    if images.shape[1:] != (1, size, size):
        raise ModelError(
            f"this '{name}' takes images of shape (N, 1, {size}, {size}), not "
            f"{tuple(images.shape)}: resize them or train a '{name}' at that size."
        )
