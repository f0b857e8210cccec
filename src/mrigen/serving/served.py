"""A network with the name it is served under."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import nn

from mrigen.models.interfaces import Condition, Conditional, Quick, Reconstructor, Sampler
from mrigen.serving.schemas import ConditionEntry, ModelEntry, Task, most_samples

#: What the quick mode costs, by its name among the metrics.
QUICK_COST = "quick_frechet_ratio"


@dataclass(frozen=True, eq=False)
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
    parameters
        How many numbers of it were learnt.
    card
        Data, code and licence behind the weights.
    device
        The torch device that computes.
    metrics
        Of its evaluation, as the registry has them.
    """

    name: str
    version: int
    aliases: tuple[str, ...]
    digest: str
    image_size: int
    network: nn.Module
    parameters: int
    card: Mapping[str, object]
    device: str = "cpu"
    metrics: Mapping[str, float] = field(default_factory=dict)

    @property
    def tasks(self) -> tuple[Task, ...]:
        """What the network can do."""
        tasks: tuple[Task, ...] = ()
        if isinstance(self.network, Sampler):
            tasks += ("sample",)
        if isinstance(self.network, Reconstructor):
            tasks += ("restore", "anomaly")
        return tasks

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """What its samples can be asked for."""
        return self.network.conditions if isinstance(self.network, Conditional) else ()

    @property
    def quick(self) -> bool:
        """Whether it can draw sooner and less well."""
        return isinstance(self.network, Sampler) and isinstance(self.network, Quick)

    def entry(self, *, default: bool, max_count: int) -> ModelEntry:
        """Say how the server lists it.

        Parameters
        ----------
        default
            Whether it answers where no version is asked for.
        max_count
            Samples that one request may ask for.
        """
        return ModelEntry(
            name=self.name,
            version=self.version,
            default=default,
            aliases=list(self.aliases),
            digest=self.digest,
            tasks=list(self.tasks),
            image_size=self.image_size,
            max_count=most_samples(self.image_size, max_count) if "sample" in self.tasks else {},
            parameters=self.parameters,
            device=self.device,
            conditions=[
                ConditionEntry(
                    name=one.name,
                    minimum=one.minimum,
                    maximum=one.maximum,
                    unit=one.unit,
                    choices=list(one.choices),
                )
                for one in self.conditions
            ],
            quick=self.quick,
            quick_frechet_ratio=self.metrics.get(QUICK_COST) if self.quick else None,
            card=dict(self.card),
        )
