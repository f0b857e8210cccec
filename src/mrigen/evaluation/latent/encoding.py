"""The numbers behind slices, of the networks that have an encoder."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from mrigen.evaluation.case import BATCH, Case
from mrigen.evaluation.threads import one_thread
from mrigen.models.vae import VAE
from mrigen.models.vqvae import VQVAE, GenerativeVQVAE

Codes = npt.NDArray[np.float64]


def encoder_of(network: nn.Module) -> Callable[[Tensor], Tensor] | None:
    """Return what turns (N, 1, H, W) images into (N, D) numbers; None for other networks.

    For a VAE they are the posterior means; for a vector-quantised autoencoder the vectors of the
    codes, one place of the grid after another.
    """
    if isinstance(network, VAE):
        return lambda images: network.encode(images).mean
    if isinstance(network, GenerativeVQVAE):
        return encoder_of(network.autoencoder)
    if isinstance(network, VQVAE):
        return lambda images: network.encode(images).nearest.flatten(1)
    return None


def encode_rows(
    case: Case, encoder: Callable[[Tensor], Tensor], rows: npt.NDArray[np.int64]
) -> Codes:
    """Return the numbers behind clean slices, (len(rows), D)."""
    parts = []
    with torch.inference_mode(), one_thread():
        for start in range(0, len(rows), BATCH):
            images = case.images(rows[start : start + BATCH])
            parts.append(encoder(images.to(case.device)).double().cpu().numpy())
    return np.concatenate(parts)
