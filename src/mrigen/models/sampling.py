"""Making images so that each depends on its own seed, or its own input, alone."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn import functional

from mrigen.models.interfaces import Conditional, Reconstructor, Sampler
from mrigen.seeds import seeded_noise

CHUNK = 16


@torch.inference_mode()
def draw_samples(
    network: Sampler, seeds: Sequence[int], conditions: Mapping[str, float] | None = None
) -> Tensor:
    """Draw one image per seed.

    Parameters
    ----------
    network
        A sampler, also an `nn.Module` in evaluation mode.
    seeds
        At least one seed, each in [0, 2**63).
    conditions
        Values of conditions that a `Conditional` network lists, the same for all images.

    Returns
    -------
    (len(seeds), 1, H, W) float32 in [0, 1] on the CPU

    Notes
    -----
    The network always sees chunks of the same size, the last one filled up, because matrix
    kernels may round differently for different batch sizes. The bytes of an image therefore
    depend on its seed and on nothing that is asked for beside it.
    """
    asked = conditions or {}
    chunks = [seeds[start : start + CHUNK] for start in range(0, len(seeds), CHUNK)]
    return torch.cat([draw_chunk(network, chunk, [asked] * len(chunk)) for chunk in chunks])


@torch.inference_mode()
def draw_chunk(
    network: Sampler, seeds: Sequence[int], conditions: Sequence[Mapping[str, float]]
) -> Tensor:
    """Draw at most `CHUNK` images, each with a seed and conditions of its own.

    Parameters
    ----------
    network
        A sampler, also an `nn.Module` in evaluation mode.
    seeds
        From 1 to `CHUNK` seeds, each in [0, 2**63).
    conditions
        As many: values of conditions that the network lists. What is left out is not known (NaN).

    Returns
    -------
    (len(seeds), 1, H, W) float32 in [0, 1] on the CPU
    """
    device, missing = _device_of(network), CHUNK - len(seeds)
    noise = seeded_noise([*seeds, *[0] * missing], network.noise_shape).to(device)
    rows = [*conditions, *[conditions[-1]] * missing]
    told = (
        {
            one.name: torch.tensor([row.get(one.name, torch.nan) for row in rows], device=device)
            for one in network.conditions
        }
        if isinstance(network, Conditional)
        else None
    )
    return network.sample(noise, told)[: len(seeds)].float().cpu()


@torch.inference_mode()
def reconstruct_chunk(network: Reconstructor, images: Tensor) -> Tensor:
    """Ask a network for its answer to at most `CHUNK` images of one size.

    Parameters
    ----------
    network
        A reconstructor, also an `nn.Module` in evaluation mode.
    images : (N, 1, H, W) float32 in [0, 1], N from 1 to `CHUNK`

    Returns
    -------
    (N, 1, H, W) float32 in [0, 1] on the CPU
    """
    count = len(images)
    filled = functional.pad(images, (0, 0) * 3 + (0, CHUNK - count)).to(_device_of(network))
    return network.reconstruct(filled)[:count].float().cpu()


@contextmanager
def single_threaded() -> Iterator[None]:
    """Let torch use one thread for what the calling thread computes, and leave others alone.

    A network that shares its sums out to several threads may answer with other last bits. Within
    this context answers do not depend on the cores of a machine, and are those of a server.
    """
    # Slow to import, and needed by few.
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    # torch sets a thread's number itself when it first has to know it: now, not after us. Its
    # own `set_num_threads` would also change the number that threads to come begin with.
    torch.get_num_threads()
    with threadpool_limits(1, user_api="openmp"):
        yield


def _device_of(network: object) -> torch.device:
    if isinstance(network, torch.nn.Module):
        return next(network.parameters()).device
    return torch.device("cpu")
