"""Known degradations from mild to strong: what an error or a distance of some size looks like."""

from dataclasses import dataclass

from torch import Tensor

from mrigen.data.corruptions.batches import Item, corrupt, draw
from mrigen.data.corruptions.noise import GaussianNoise
from mrigen.data.corruptions.recipe import StepConfig
from mrigen.data.corruptions.resolution import Blur, LowerResolution


@dataclass(frozen=True)
class Rung:
    """One degradation of one strength.

    Attributes
    ----------
    kind
        "blur", "noise" or "lower_resolution".
    level
        How strong it is, in `unit`.
    unit
        "px", the standard deviation of a Gaussian filter; "std", that of normal noise where
        images reach from 0 to 1; "factor" by which the resolution is lowered and brought back.
    """

    kind: str
    level: float
    unit: str

    def degrade(self, images: Tensor, *, seed: int) -> Tensor:
        """Return degraded images.

        Parameters
        ----------
        images : (N, 1, H, W) float32 in [0, 1]
            Left as they are.
        seed
            With its place in the batch it decides an image's noise, of which stronger rungs have
            the same, enlarged.

        Returns
        -------
        (N, 1, H, W) float32 in [0, 1]
        """
        items = [Item(seed, "ladder", 0, place) for place in range(len(images))]
        height, width = images.shape[-2:]
        return corrupt(images, draw((self._step(),), items, (height, width))).images

    def _step(self) -> StepConfig:
        if self.kind == "blur":
            return Blur(name="blur", sigma=(self.level, self.level))
        if self.kind == "noise":
            return GaussianNoise(name="gaussian_noise", std=(self.level, self.level))
        return LowerResolution(name="lower_resolution", factor=int(self.level))


#: Each kind from mild to strong, one kind after the other.
RUNGS: tuple[Rung, ...] = (
    *(Rung("blur", sigma, "px") for sigma in (0.5, 0.75, 1.0, 1.5, 2.0, 3.0)),
    *(Rung("noise", std, "std") for std in (0.01, 0.02, 0.04, 0.08, 0.16)),
    *(Rung("lower_resolution", factor, "factor") for factor in (2.0, 3.0, 4.0, 6.0, 8.0)),
)
