"""Making images so that each depends on its own seed, or its own input, alone."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn import functional

from mrigen.errors import ModelError
from mrigen.models.interfaces import Conditional, Conditions, Quick, Reconstructor, Sampler
from mrigen.seeds import seeded_noise

CHUNK = 16


@torch.inference_mode()
def draw_samples(
    network: Sampler,
    seeds: Sequence[int],
    conditions: Mapping[str, float] | Sequence[Mapping[str, float]] | None = None,
    *,
    quick: bool = False,
) -> Tensor:
    """Draw one image per seed.

    Parameters
    ----------
    network
        A sampler, also an `nn.Module` in evaluation mode.
    seeds
        At least one seed, each in [0, 2**63).
    conditions
        Values of conditions that a `Conditional` network lists: the same for all images, or one
        mapping per seed. What is left out is not known.
    quick
        Ask a `Quick` network for its quick mode.

    Returns
    -------
    (len(seeds), 1, H, W) float32 in [0, 1] on the CPU

    Raises
    ------
    ModelError
        If a quick mode is asked of a network that has none.

    Notes
    -----
    The network always sees chunks of the same size, the last one filled up, because matrix
    kernels may round differently for different batch sizes. The bytes of an image therefore
    depend on its seed and on nothing that is asked for beside it.
    """
    asked = conditions or {}
    rows = [asked] * len(seeds) if isinstance(asked, Mapping) else asked
    chunks = [slice(start, start + CHUNK) for start in range(0, len(seeds), CHUNK)]
    return torch.cat([draw_chunk(network, seeds[c], rows[c], quick=quick) for c in chunks])


@torch.inference_mode()
def draw_chunk(
    network: Sampler,
    seeds: Sequence[int],
    conditions: Sequence[Mapping[str, float]],
    *,
    quick: bool = False,
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
    quick
        Ask a `Quick` network for its quick mode, in the whole chunk.

    Returns
    -------
    (len(seeds), 1, H, W) float32 in [0, 1] on the CPU

    Raises
    ------
    ModelError
        If a quick mode is asked of a network that has none.
    """
    noise = seeded_noise(seeds, network.noise_shape)
    return draw_from_noise(network, noise, conditions, quick=quick)


@torch.inference_mode()
def draw_from_noise(
    network: Sampler,
    noise: Tensor,
    conditions: Sequence[Mapping[str, float]],
    *,
    quick: bool = False,
) -> Tensor:
    """Draw at most `CHUNK` images, each from noise of its own: as `draw_chunk` does from seeds.

    Parameters
    ----------
    network, conditions, quick
        As of `draw_chunk`.
    noise : (N, *noise_shape) float32
        N from 1 to `CHUNK`.

    Returns
    -------
    (N, 1, H, W) float32 in [0, 1] on the CPU

    Raises
    ------
    ModelError
        If a quick mode is asked of a network that has none.
    """
    draw = _quick_mode(network) if quick else network.sample
    device, missing = _device_of(network), CHUNK - len(noise)
    if missing:
        noise = torch.cat([noise, seeded_noise([0] * missing, network.noise_shape)])
    rows = [*conditions, *[conditions[-1]] * missing]
    told = (
        {
            one.name: torch.tensor([row.get(one.name, torch.nan) for row in rows], device=device)
            for one in network.conditions
        }
        if isinstance(network, Conditional)
        else None
    )
    return draw(noise.to(device), told)[: CHUNK - missing].float().cpu()


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


def _quick_mode(network: Sampler) -> Callable[[Tensor, Conditions | None], Tensor]:
    if isinstance(network, Quick):
        return network.sample_quickly
    raise ModelError(
        f"a {type(network).__name__} has no quick mode: expected a network with one. Leave 'quick' "
        "out, or ask another model."
    )


def _device_of(network: object) -> torch.device:
    if isinstance(network, torch.nn.Module):
        return next(network.parameters()).device
    return torch.device("cpu")
