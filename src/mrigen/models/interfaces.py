"""What a network can do for the rest of the house."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import Tensor, nn

Conditions = Mapping[str, Tensor]


@runtime_checkable
class Reconstructor(Protocol):
    """A network that answers an image with an image of the same size."""

    def reconstruct(self, images: Tensor) -> Tensor:
        """Restore or reproduce images, (N, 1, H, W) float32 in [0, 1] in and out."""
        ...


@runtime_checkable
class Sampler(Protocol):
    """A network that makes images from noise."""

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """Shape of the standard normal noise behind one image."""
        ...

    def sample(self, noise: Tensor, conditions: Conditions | None = None) -> Tensor:
        """Turn noise into images: a pure function of its arguments.

        Parameters
        ----------
        noise : (N, *noise_shape) float32
        conditions
            One tensor of N values per covariate the network was trained on. Those that a
            `Conditional` network lists are (N,) float32; NaN says that nothing is known.

        Returns
        -------
        (N, 1, H, W) float32 in [0, 1]
        """
        ...


@dataclass(frozen=True)
class Condition:
    """A covariate that a network can be asked for.

    Attributes
    ----------
    name
        Such as "age"; the key in `conditions`.
    minimum, maximum
        Of the values it may be told and asked for; for choices 0 and their number less 1.
    unit
        Such as "mm" or "years"; empty for choices.
    choices
        What the values 0, 1, ... stand for; empty for a number.
    """

    name: str
    minimum: float
    maximum: float
    unit: str = ""
    choices: tuple[str, ...] = ()


@runtime_checkable
class Conditional(Protocol):
    """A sampler that can be asked for slices of a certain kind."""

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """What it can be asked for."""
        ...


@runtime_checkable
class Quick(Protocol):
    """A sampler that can do with less work at some cost in quality."""

    def sample_quickly(self, noise: Tensor, conditions: Conditions | None = None) -> Tensor:
        """Do as `Sampler.sample` does, with other images, several times as fast."""
        ...


@runtime_checkable
class Stacking(Protocol):
    """A sampler that draws slices of one head in a way of its own."""

    def for_stacks(self) -> Sampler:
        """Return it as it draws them: another view of the same weights, with its other modes."""
        ...


@runtime_checkable
class Regularised(Protocol):
    """A network whose study shrinks some of its kernels."""

    def penalised_kernels(self) -> list[Tensor]:
        """Return the kernels whose squares the study adds to the loss: never biases or norms."""
        ...


@runtime_checkable
class Measured(Protocol):
    """A network that looks at the training images once before it learns."""

    def measure(self, images: Iterable[Tensor]) -> None:
        """Take from training images what is not learned by gradients, and keep it in buffers.

        Parameters
        ----------
        images
            Batches (N, 1, H, W) float32 in [0, 1] on the network's device.
        """
        ...


@runtime_checkable
class Fitted(Protocol):
    """A network part of which is fitted once, after training, with no gradients."""

    def fit_sampler(self, images: Iterable[Tensor]) -> None:
        """Fit what `sample` draws from to training images.

        The same weights and images give the same answer, which is kept in buffers.

        Parameters
        ----------
        images
            Batches (N, 1, H, W) float32 in [0, 1] on the network's device; they are not asked
            for where there is nothing to fit.
        """
        ...


@runtime_checkable
class Autoguided(Protocol):
    """A network that draws with the help of what it was earlier in its training."""

    @property
    def guide_share(self) -> float | None:
        """Share of the training, in (0, 1), after which a guide is kept; None keeps none."""
        ...

    def keep_guide(self, source: nn.Module) -> None:
        """Keep a copy of the weights of `source`, a network of the same kind and sizes."""
        ...


class AdversarialPair(Sampler, Protocol):
    """A sampler that learns against a judge of its images.

    Attributes
    ----------
    generator
        Holds the weights behind `sample`.
    discriminator
        Maps (N, 1, H, W) images in [0, 1], and (N, label_size) labels or None, to (N,) logits,
        larger for more real.
    label_size
        Numbers that tell how an image was augmented; with any, `sample` takes them as the
        condition "augmentation". 0 for a pair that is not told.
    """

    generator: nn.Module
    discriminator: nn.Module
    label_size: int
