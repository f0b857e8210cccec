"""A network with the name it is served under."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from torch import nn

from mrigen.models.interfaces import Reconstructor, Sampler
from mrigen.models.sampling import draw_samples
from mrigen.serving.encoding import encode_samples
from mrigen.serving.schemas import ModelEntry, SampleFormat, Task


@dataclass(frozen=True)
class ServedModel:
    """A registered network in evaluation mode.

    Attributes
    ----------
    name, version, aliases
        What the registry calls it.
    digest
        The identity of its weights and configuration.
    image_size
        Height and width of its images in pixels.
    network
        A sampler, a reconstructor or both.
    card
        Data, code and licence behind the weights.
    """

    name: str
    version: int
    aliases: tuple[str, ...]
    digest: str
    image_size: int
    network: nn.Module
    card: Mapping[str, object]

    @property
    def tasks(self) -> list[Task]:
        """What the network can do."""
        tasks: list[Task] = []
        if isinstance(self.network, Sampler):
            tasks.append("sample")
        if isinstance(self.network, Reconstructor):
            tasks.append("reconstruct")
        return tasks

    @property
    def entry(self) -> ModelEntry:
        """How the server lists it."""
        return ModelEntry(
            name=self.name,
            version=self.version,
            aliases=list(self.aliases),
            digest=self.digest,
            tasks=self.tasks,
            image_size=self.image_size,
            card=dict(self.card),
        )

    def sample_file(self, *, count: int, seed: int, file_format: SampleFormat) -> bytes:
        """Draw samples with the seeds `seed`, `seed + 1`, ... and encode them.

        The bytes depend on the arguments and the model alone.
        """
        seeds = range(seed, seed + count)
        images = draw_samples(cast("Sampler", self.network), seeds)
        return encode_samples(images, seeds, file_format=file_format)
