"""Parts of a network that answers at one time and under conditions."""

import torch
from torch import Tensor, nn
from torch.nn import functional

_GROUPS = 8
_HEAD_CHANNELS = 32
_FEW_PLACES = 256


class ConditionedBlock(nn.Module):
    """Residual block whose second normalisation is scaled and shifted by an embedding.

    Starts as its shortcut alone: the last convolution is zero.
    """

    def __init__(self, before: int, after: int, *, embedding_size: int, dropout: float) -> None:
        super().__init__()
        self.first_norm = nn.GroupNorm(_GROUPS, before)
        self.first = nn.Conv2d(before, after, 3, padding=1)
        self.scale_shift = nn.Linear(embedding_size, 2 * after)
        self.second_norm = nn.GroupNorm(_GROUPS, after)
        self.dropout = nn.Dropout(dropout)
        self.second = zeroed(nn.Conv2d(after, after, 3, padding=1))
        self.shortcut = nn.Identity() if before == after else nn.Conv2d(before, after, 1)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """Return (N, after, H, W) for (N, before, H, W) and (N, embedding_size)."""
        h = self.first(functional.silu(self.first_norm(x)))
        scale, shift = self.scale_shift(embedding)[:, :, None, None].chunk(2, dim=1)
        h = torch.addcmul(shift, self.second_norm(h), 1 + scale)
        h = self.second(self.dropout(functional.silu(h)))
        answer: Tensor = self.shortcut(x) + h
        return answer


class SelfAttention(nn.Module):
    """Every place of a grid looks at every other one; starts as the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        wanted = max(1, channels // _HEAD_CHANNELS)
        self.heads = next(heads for heads in range(wanted, 0, -1) if channels % heads == 0)
        self.norm = nn.GroupNorm(_GROUPS, channels)
        self.questions = nn.Conv2d(channels, 3 * channels, 1)
        self.answers = zeroed(nn.Conv2d(channels, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, C, H, W) for (N, C, H, W)."""
        count, channels, height, width = x.shape
        split = self.questions(self.norm(x)).reshape(
            count, 3, self.heads, channels // self.heads, height * width
        )
        query, key, value = split.transpose(-1, -2).unbind(1)
        seen = attend(query, key, value)
        seen = seen.transpose(-1, -2).reshape(count, channels, height, width)
        answer: Tensor = x + self.answers(seen)
        return answer


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Return what places see of each other.

    Parameters
    ----------
    query, key, value : (N, heads, places, channels)

    Returns
    -------
    (N, heads, places, channels)

    Notes
    -----
    PyTorch's fused attention has a slow gradient in bfloat16 on the CPUs that were measured
    (benchmarks/flow_update.py). There, a network that learns has few places written out pair by
    pair. Drawing is in float32 and always fused: a batched product of a CPU rounds by its batch.
    """
    learns = query.requires_grad and query.device.type == "cpu"
    if not learns or query.dtype != torch.bfloat16 or query.shape[-2] > _FEW_PLACES:
        return functional.scaled_dot_product_attention(query, key, value)
    pairs = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
    answer: Tensor = pairs.softmax(dim=-1) @ value
    return answer


def zeroed(layer: nn.Conv2d) -> nn.Conv2d:
    """Return a convolution that answers zero until it has learned."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
