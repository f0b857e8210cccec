"""What a client wants computed: images from seeds, or answers to images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

import torch
from torch import Tensor

from mrigen.models.interfaces import Reconstructor, Sampler
from mrigen.models.sampling import draw_chunk, reconstruct_chunk
from mrigen.models.surprise import surprise_chunk
from mrigen.models.vae import VAE


class Kind(NamedTuple):
    """What rows have to share to be computed in one chunk.

    Attributes
    ----------
    network
        The very object.
    task
        What is asked of it.
    shape
        Of one image that goes in; empty if none does.
    quick
        Whether the network is asked for its quick mode.
    """

    network: object
    task: type
    shape: tuple[int, ...]
    quick: bool = False


@dataclass(frozen=True, eq=False)
class Drawing:
    """Samples with the seeds `seeds`, all under the same conditions and in the same mode."""

    network: Sampler
    seeds: range
    conditions: Mapping[str, float]
    quick: bool = False

    def __len__(self) -> int:
        return len(self.seeds)

    @property
    def kind(self) -> Kind:
        """What its rows share with those of others."""
        return Kind(self.network, Drawing, (), self.quick)

    @property
    def held_bytes(self) -> int:
        """Memory that it holds while it waits, beside its answers."""
        return 0


@dataclass(frozen=True, eq=False)
class Restoring:
    """The network's answers to `images`, (N, 1, H, W) float32 in [0, 1]."""

    network: Reconstructor
    images: Tensor

    def __len__(self) -> int:
        return len(self.images)

    @property
    def kind(self) -> Kind:
        """What its rows share with those of others."""
        return Kind(self.network, Restoring, tuple(self.images.shape[1:]))

    @property
    def held_bytes(self) -> int:
        """Memory that it holds while it waits, beside its answers."""
        return self.images.nbytes


@dataclass(frozen=True, eq=False)
class Surprise:
    """How much less probable a VAE finds the pixels of `images` than the best they could be.

    In nats, from 0; `images` are (N, 1, H, W) float32 in [0, 1].
    """

    network: VAE
    images: Tensor

    def __len__(self) -> int:
        return len(self.images)

    @property
    def kind(self) -> Kind:
        """What its rows share with those of others."""
        return Kind(self.network, Surprise, tuple(self.images.shape[1:]))

    @property
    def held_bytes(self) -> int:
        """Memory that it holds while it waits, beside its answers."""
        return self.images.nbytes


Work = Drawing | Restoring | Surprise


class Piece(NamedTuple):
    """Some rows of one piece of work."""

    work: Work
    rows: range


def compute(pieces: Sequence[Piece]) -> Tensor:
    """Compute one chunk.

    Parameters
    ----------
    pieces
        Of one kind, with as many rows together as a chunk has at most.

    Returns
    -------
    (N, 1, H, W) float32 on the CPU, in the order of the pieces; images in [0, 1]. No row depends on
    what is computed beside it.
    """
    first = pieces[0].work
    if isinstance(first, Drawing):
        drawings = [(cast("Drawing", work), rows) for work, rows in pieces]
        seeds = [work.seeds[row] for work, rows in drawings for row in rows]
        conditions = [work.conditions for work, rows in drawings for _ in rows]
        return draw_chunk(first.network, seeds, conditions, quick=first.quick)
    parts = [
        cast("Restoring | Surprise", work).images[rows.start : rows.stop] for work, rows in pieces
    ]
    images = parts[0] if len(parts) == 1 else torch.cat(parts)
    if isinstance(first, Surprise):
        return surprise_chunk(first.network, images)
    return reconstruct_chunk(first.network, images)
