"""A causal transformer that tells how likely each next code of a grid is."""

from typing import NamedTuple

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from mrigen.config import Config
from mrigen.errors import ModelError

MAX_PLACES = 64**2  # drawn one after another, each with all before it in memory


class CodePriorConfig(Config):
    """Size of the prior: `width` numbers for each place, in `layers` layers of `heads` heads.

    `dropout` is the share of numbers that each part forgets in training. A few hundred scans are
    soon known by heart, and what is drawn then falls apart where it leaves them.
    """

    width: int = Field(128, ge=4, le=1024)
    layers: int = Field(4, ge=1, le=24)
    heads: int = Field(4, ge=1, le=16)
    dropout: float = Field(0.1, ge=0, lt=1)

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> "CodePriorConfig":
        if self.width % self.heads:
            raise ValueError(
                f"a 'width' that 'heads' divides, not {self.width} channels for {self.heads} heads"
            )
        return self


class Cache(NamedTuple):
    """Keys and values of the places a layer has seen, each (N, heads, length, width / heads)."""

    keys: Tensor
    values: Tensor


class CodePrior(nn.Module):
    """A distribution over sequences of codes, one place after another.

    Parameters
    ----------
    config
        Sizes.
    num_codes
        Number of different codes.
    length
        Places of the grid, row by row; at most `MAX_PLACES`.

    Raises
    ------
    ModelError
        If the grid has more places.

    References
    ----------
    van den Oord et al. 2017, section 3.3, doi:10.48550/arXiv.1711.00937 (a prior over the codes,
    there a PixelCNN); Vaswani et al. 2017, doi:10.48550/arXiv.1706.03762; with the normalisation
    before each part as in Xiong et al. 2020, doi:10.48550/arXiv.2002.04745
    """

    def __init__(self, config: CodePriorConfig, *, num_codes: int, length: int) -> None:
        super().__init__()
        if length > MAX_PLACES:
            raise ModelError(
                f"a 'code_prior' would draw grids of {length:,} codes, one after another: expected "
                f"at most {MAX_PLACES:,}. Raise 'depth' or lower the dataset's 'size'."
            )
        self.num_codes, self.length = num_codes, length
        # One row more than codes: what stands before the first place.
        self.embedding = nn.Embedding(num_codes + 1, config.width)
        self.positions = nn.Parameter(torch.empty(length, config.width))
        self.dropout = nn.Dropout(config.dropout)
        self.layers = nn.ModuleList(
            Layer(config.width, config.heads, config.dropout) for _ in range(config.layers)
        )
        self.norm = nn.LayerNorm(config.width)
        self.output = nn.Linear(config.width, num_codes)
        self._initialise()

    def forward(self, codes: Tensor) -> Tensor:
        """Return (N, length, num_codes) logits of (N, length) codes, each from those before it."""
        before = functional.pad(codes[:, :-1], (1, 0), value=self.num_codes)
        features = self.dropout(self.embedding(before) + self.positions)
        for layer in self.layers:
            features = layer(features)
        logits: Tensor = self.output(self.norm(features))
        return logits

    def nats_per_code(self, codes: Tensor) -> Tensor:
        """Return the mean negative log-likelihood of a code of (N, length) codes."""
        return functional.cross_entropy(self(codes).float().flatten(0, 1), codes.flatten())

    def draw(self, noise: Tensor) -> Tensor:
        """Turn (N, length) standard normal numbers into (N, length) int64 codes.

        Notes
        -----
        Each number becomes a uniform one through the normal's distribution function, and that a
        code through the inverse of the distribution function of the codes at its place. The
        result is a pure function of the noise.
        """
        uniform = torch.special.ndtr(noise.double())
        latest = torch.full_like(noise[:, 0], self.num_codes, dtype=torch.long)
        caches: list[Cache | None] = [None] * len(self.layers)
        codes = []
        for place in range(self.length):
            features = (self.embedding(latest) + self.positions[place])[:, None]
            for number, layer in enumerate(self.layers):
                assert isinstance(layer, Layer)
                features, caches[number] = layer.step(features, caches[number])
            logits = self.output(self.norm(features[:, 0]))
            latest = inverse_categorical(logits, uniform[:, place])
            codes.append(latest)
        return torch.stack(codes, 1)

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)
        nn.init.normal_(self.positions, std=0.02)


class Layer(nn.Module):
    """Attention to the places before, then two linear layers, each added to its input."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(width)
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.mixed = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)
        self.widening = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, length, width) to the same shape."""
        queries, keys, values = self._split(features)
        seen = functional.scaled_dot_product_attention(queries, keys, values, is_causal=True)
        return self._add(features, seen)

    def step(self, features: Tensor, cache: Cache | None) -> tuple[Tensor, Cache]:
        """Map the (N, 1, width) of the next place, given what was seen of those before it."""
        queries, keys, values = self._split(features)
        if cache is not None:
            keys = torch.cat([cache.keys, keys], 2)
            values = torch.cat([cache.values, values], 2)
        seen = functional.scaled_dot_product_attention(queries, keys, values)
        return self._add(features, seen), Cache(keys, values)

    def _split(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        parts = self.queries_keys_values(self.attention_norm(features))
        # (N, length, 3 * width) to three of (N, heads, length, width / heads)
        queries, keys, values = parts.unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return queries, keys, values

    def _add(self, features: Tensor, seen: Tensor) -> Tensor:
        features = features + self.dropout(self.mixed(seen.transpose(1, 2).flatten(2)))
        widened: Tensor = self.dropout(self.widening(features))
        return features + widened


def inverse_categorical(logits: Tensor, uniform: Tensor) -> Tensor:
    """Return the code where the distribution function of (N, K) logits passes (N,) uniforms.

    Examples
    --------
    >>> logits = torch.tensor([[0.25, 0.75], [0.25, 0.75]]).log()
    >>> inverse_categorical(logits, torch.tensor([0.24, 0.26], dtype=torch.float64)).tolist()
    [0, 1]
    """
    cumulative = logits.double().softmax(-1).cumsum(-1)
    # The last sum may not be one, and the normal's distribution function rounds to one far out.
    sought = uniform[:, None].clamp(max=1 - 2**-52) * cumulative[:, -1:]
    return torch.searchsorted(cumulative, sought, right=True)[:, 0]
