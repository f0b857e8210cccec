"""What a network can do for the rest of the house."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from torch import Tensor

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
            One tensor of N values per covariate the network was trained on.

        Returns
        -------
        (N, 1, H, W) float32 in [0, 1]
        """
        ...


@runtime_checkable
class Regularised(Protocol):
    """A network whose study shrinks some of its kernels."""

    def penalised_kernels(self) -> list[Tensor]:
        """Return the kernels whose squares the study adds to the loss: never biases or norms."""
        ...
