"""Drawing images so that each depends on its own seed alone."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mrigen.models.interfaces import Sampler
from mrigen.seeds import seeded_noise

CHUNK = 16


@torch.inference_mode()
def draw_samples(network: Sampler, seeds: Sequence[int]) -> Tensor:
    """Draw one image per seed.

    Parameters
    ----------
    network
        A sampler, also an `nn.Module` in evaluation mode.
    seeds
        At least one seed, each in [0, 2**63).

    Returns
    -------
    (len(seeds), 1, H, W) float32 in [0, 1] on the CPU

    Notes
    -----
    The network always sees chunks of the same size, the last one filled up, because matrix
    kernels may round differently for different batch sizes. The bytes of an image therefore
    depend on its seed and on nothing that is asked for beside it.
    """
    device = _device_of(network)
    images = []
    for start in range(0, len(seeds), CHUNK):
        chunk = list(seeds[start : start + CHUNK])
        filled = chunk + [0] * (CHUNK - len(chunk))
        noise = seeded_noise(filled, network.noise_shape).to(device)
        images.append(network.sample(noise)[: len(chunk)].float().cpu())
    return torch.cat(images)


def _device_of(network: object) -> torch.device:
    if isinstance(network, torch.nn.Module):
        return next(network.parameters()).device
    return torch.device("cpu")
