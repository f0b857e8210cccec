"""Vectors turned into codes: by the nearest of a codebook, or by rounding each number."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

# Keras draws an embedding so unless told otherwise.
_START = 0.05


class Quantised(NamedTuple):
    """What a quantiser makes of encoded images.

    Attributes
    ----------
    encoded : (N, C, h, w) float32
        What the encoder gave.
    nearest : (N, C, h, w) float32
        The vectors of the codes, with the codebook's gradient where it has one.
    straight : (N, C, h, w) float32
        The same numbers for the decoder; their gradient passes on to `encoded` unchanged.
    codes : (N, h, w) int64
    """

    encoded: Tensor
    nearest: Tensor
    straight: Tensor
    codes: Tensor


class LearnedCodebook(nn.Module):
    """Codes whose vectors the loss moves, as in Tablado's VQ-VAE.

    Parameters
    ----------
    num_codes, channels
        Number of vectors and their length.

    References
    ----------
    van den Oord et al. 2017, doi:10.48550/arXiv.1711.00937
    """

    def __init__(self, num_codes: int, channels: int) -> None:
        super().__init__()
        self.vectors = nn.Parameter(torch.empty(num_codes, channels).uniform_(-_START, _START))

    def forward(self, encoded: Tensor) -> Quantised:
        """Replace each vector of (N, C, h, w) by the nearest code's."""
        encoded = encoded.float()
        codes = nearest_codes(encoded, self.vectors)
        return _passed_straight(encoded, self.look_up(codes), codes)

    def look_up(self, codes: Tensor) -> Tensor:
        """Turn (N, h, w) codes into their (N, C, h, w) vectors."""
        return functional.embedding(codes, self.vectors).movedim(-1, 1)

    @torch.no_grad()
    def replace(self, chosen: Tensor, vectors: Tensor) -> None:
        """Give the codes of a (num_codes,) mask the rows of (num_codes, C) vectors."""
        self.vectors.copy_(torch.where(chosen[:, None], vectors, self.vectors))


class AveragedCodebook(nn.Module):
    """Codes that are moving averages of the encoded vectors nearest to them.

    Parameters
    ----------
    num_codes, channels
        Number of vectors and their length.
    decay
        Share of the old average kept at each training step.

    Notes
    -----
    The averages move in training mode alone. Sizes are smoothed as if each code had been seen a
    little more (Laplace), so a code that is never used keeps its vector and divides by no zero.

    References
    ----------
    van den Oord et al. 2017, appendix A.1, doi:10.48550/arXiv.1711.00937;
    Razavi et al. 2019, doi:10.48550/arXiv.1906.00446
    """

    vectors: Tensor
    sizes: Tensor
    sums: Tensor

    def __init__(self, num_codes: int, channels: int, decay: float = 0.99) -> None:
        super().__init__()
        self.decay = decay
        vectors = torch.empty(num_codes, channels).uniform_(-_START, _START)
        self.register_buffer("vectors", vectors)
        self.register_buffer("sizes", torch.ones(num_codes))
        self.register_buffer("sums", vectors.clone())

    def forward(self, encoded: Tensor) -> Quantised:
        """Replace each vector of (N, C, h, w) by the nearest code's, then move the codes."""
        encoded = encoded.float()
        codes = nearest_codes(encoded, self.vectors)
        answer = _passed_straight(encoded, self.look_up(codes), codes)
        if self.training:
            self._follow(encoded.detach(), codes)
        return answer

    def look_up(self, codes: Tensor) -> Tensor:
        """Turn (N, h, w) codes into their (N, C, h, w) vectors."""
        return functional.embedding(codes, self.vectors).movedim(-1, 1)

    @torch.no_grad()
    def replace(self, chosen: Tensor, vectors: Tensor) -> None:
        """Give the codes of a (num_codes,) mask the rows of (num_codes, C) vectors."""
        self.vectors.copy_(torch.where(chosen[:, None], vectors, self.vectors))
        self.sums.copy_(torch.where(chosen[:, None], vectors, self.sums))
        self.sizes.copy_(torch.where(chosen, 1.0, self.sizes))

    @torch.no_grad()
    def _follow(self, encoded: Tensor, codes: Tensor) -> None:
        with _full_precision(encoded):
            # A product instead of a scattered sum: the same order of additions at every run.
            members = functional.one_hot(codes.flatten(), len(self.vectors)).float()
            sums = members.T @ encoded.movedim(1, -1).flatten(0, -2)
            self.sizes.lerp_(members.sum(0), 1 - self.decay)
            self.sums.lerp_(sums, 1 - self.decay)
            total, epsilon = self.sizes.sum(), 1e-5
            smoothed = (self.sizes + epsilon) / (total + len(self.sizes) * epsilon) * total
            self.vectors.copy_(self.sums / smoothed[:, None])


class FiniteScalar(nn.Module):
    """Each channel is squeezed to a few whole levels; the codes are all their combinations.

    Parameters
    ----------
    levels
        Number of levels of each channel, each at least 3.

    Notes
    -----
    There is no codebook to learn and nothing that can die. A channel of an even number of levels
    has one more below zero than above; zero is always a level and stays where it is.

    References
    ----------
    Mentzer et al. 2024, doi:10.48550/arXiv.2309.15505

    Examples
    --------
    >>> quantiser = FiniteScalar([3, 4])
    >>> quantiser.look_up(torch.arange(12).view(1, 3, 4))[0, :, 0, :].tolist()
    [[-1.0, 0.0, 1.0, -1.0], [-1.0, -1.0, -1.0, -0.5]]
    """

    levels: Tensor
    strides: Tensor

    def __init__(self, levels: list[int]) -> None:
        super().__init__()
        strides = [math.prod(levels[:place]) for place in range(len(levels))]
        # Constants of the configuration: they travel with the device and not with the weights.
        self.register_buffer("levels", torch.tensor(levels)[:, None, None], persistent=False)
        self.register_buffer("strides", torch.tensor(strides)[:, None, None], persistent=False)

    def forward(self, encoded: Tensor) -> Quantised:
        """Round (N, C, h, w) to the nearest levels."""
        encoded = encoded.float()
        half = self.levels // 2
        bounded = self._bound(encoded)
        whole = bounded.round()
        codes = ((whole.long() + half) * self.strides).sum(1)
        straight = (bounded + (whole - bounded).detach()) / half
        return Quantised(encoded, whole / half, straight, codes)

    def look_up(self, codes: Tensor) -> Tensor:
        """Turn (N, h, w) codes into their (N, C, h, w) vectors, each number in [-1, 1]."""
        half = self.levels // 2
        return (codes[:, None] // self.strides % self.levels - half) / half

    def _bound(self, encoded: Tensor) -> Tensor:
        # A little more room than needed, so that the outer levels are reached for certain.
        reach = (self.levels - 1) * 1.001 / 2
        offset = torch.where(self.levels % 2 == 0, 0.5, 0.0)
        return torch.tanh(encoded + torch.atanh(offset / reach)) * reach - offset


Quantiser = LearnedCodebook | AveragedCodebook | FiniteScalar


def nearest_codes(encoded: Tensor, vectors: Tensor) -> Tensor:
    """Return which of (K, C) vectors is nearest to each of (N, C, h, w), as (N, h, w) int64.

    Distances are taken in float32 whatever the autocast.
    """
    with torch.no_grad(), _full_precision(encoded):
        points, centres = encoded.float().movedim(1, -1), vectors.float()
        # The square of the point itself is the same for all codes and left out.
        distances = centres.square().sum(1) - 2 * points @ centres.T
        return distances.argmin(-1)


def count_codes(codes: Tensor, num_codes: int) -> Tensor:
    """Return how often each code is there, as (num_codes,) int64; nothing waits for the device."""
    flat = codes.flatten()
    return flat.new_zeros(num_codes).scatter_add_(0, flat, torch.ones_like(flat))


def _passed_straight(encoded: Tensor, nearest: Tensor, codes: Tensor) -> Quantised:
    return Quantised(encoded, nearest, encoded + (nearest - encoded).detach(), codes)


def _full_precision(tensor: Tensor) -> torch.autocast:
    return torch.autocast(tensor.device.type, enabled=False)
