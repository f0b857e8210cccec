"""The U-Net that says where a point on the path is heading."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from mrigen.models.flow.blocks import ConditionedBlock, SelfAttention, zeroed
from mrigen.models.flow.conditioning import ConditionEmbedding
from mrigen.models.flow.config import FlowConfig
from mrigen.models.interfaces import Conditions


class VelocityUNet(nn.Module):
    """U-Net that is told the time and the conditions.

    Level `l` has `(1 + l / 2) * base_channels` channels, rounded down to a multiple of 8.

    Parameters
    ----------
    in_channels
        Of the grid that it works on: the coefficients of a block of pixels.
    config
        Its sizes, and what it is told beside the time.

    References
    ----------
    U-Net for denoising: Ho et al. 2020, doi:10.48550/arXiv.2006.11239; scale and shift: Dhariwal
    and Nichol 2021, doi:10.48550/arXiv.2105.05233
    """

    def __init__(self, in_channels: int, config: FlowConfig) -> None:
        super().__init__()
        base_channels, depth = config.base_channels, config.depth
        residual_blocks, dropout = config.residual_blocks, config.dropout
        embedding_size = config.embedding_size
        self.embedding = ConditionEmbedding(
            config.conditions.listed(), label_size=config.label_size, size=embedding_size
        )
        widths = [base_channels * (2 + level) // 16 * 8 for level in range(depth + 1)]
        self.enter = nn.Conv2d(in_channels, widths[0], 3, padding=1)
        skips, width = [widths[0]], widths[0]

        def stage(before: int, after: int, level: int) -> "_Stage":
            attends = level > depth - config.attention_levels
            return _Stage(before, after, embedding_size, dropout, attends=attends)

        self.down = nn.ModuleList()
        for level, after in enumerate(widths):
            if level:
                self.down.append(_Halve(width, after))
                width = after
                skips.append(width)
            for _ in range(residual_blocks):
                self.down.append(stage(width, after, level))
                width = after
                skips.append(width)
        self.middle = ConditionedBlock(width, width, embedding_size=embedding_size, dropout=dropout)
        self.up = nn.ModuleList()
        for level, after in reversed([*enumerate(widths)]):
            for _ in range(residual_blocks + 1):
                self.up.append(stage(width + skips.pop(), after, level))
                width = after
            if level:
                self.up.append(_Double(width, widths[level - 1]))
                width = widths[level - 1]
        self.leave = nn.Sequential(
            nn.GroupNorm(8, width),
            nn.SiLU(),
            zeroed(nn.Conv2d(width, in_channels, 3, padding=1)),
        )

    def forward(
        self,
        points: Tensor,
        times: Tensor,
        conditions: Conditions | None = None,
        label: Tensor | None = None,
    ) -> Tensor:
        """Return (N, C, H, W) for (N, C, H, W) points, (N,) times and what is known of each."""
        embedding = self.embedding(times, conditions, label)
        x = self.enter(points.contiguous(memory_format=torch.channels_last))
        skips = [x]
        for part in self.down:
            x = part(x, embedding)
            skips.append(x)
        x = self.middle(x, embedding)
        for part in self.up:
            if isinstance(part, _Stage):
                x = torch.cat([x, skips.pop()], dim=1)
            x = part(x, embedding)
        answer: Tensor = self.leave(x)
        return answer


class _Stage(nn.Module):
    def __init__(
        self, before: int, after: int, embedding_size: int, dropout: float, *, attends: bool
    ) -> None:
        super().__init__()
        self.block = ConditionedBlock(before, after, embedding_size=embedding_size, dropout=dropout)
        self.attention = SelfAttention(after) if attends else nn.Identity()

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        answer: Tensor = self.attention(self.block(x, embedding))
        return answer


class _Halve(nn.Module):
    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(before, after, 3, stride=2, padding=1)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:  # noqa: ARG002 - as a stage
        answer: Tensor = self.convolution(x)
        return answer


class _Double(nn.Module):
    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(before, after, 1)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:  # noqa: ARG002 - as a stage
        return functional.interpolate(self.convolution(x), scale_factor=2, mode="nearest")
