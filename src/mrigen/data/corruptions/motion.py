"""Motion between groups of k-space lines: ghosts and streaks along the phase-encoding axis."""

from typing import Annotated, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as functional
from pydantic import AfterValidator, BeforeValidator, Field
from torch import Tensor

from mrigen.config import Config
from mrigen.data.corruptions.fourier import Axis, draw_axis, line_numbers, transform
from mrigen.data.corruptions.step import Damage, Parameters, Probability, as_pair, to_device


def _ascending(poses: tuple[int, int]) -> tuple[int, int]:
    if poses[0] > poses[1]:
        raise ValueError("[fewest, most], in this order")
    return poses


_Count = Annotated[int, Field(ge=2, le=16)]
_Counts = Annotated[tuple[_Count, _Count], BeforeValidator(as_pair), AfterValidator(_ascending)]


class _Pose(NamedTuple):
    """Where the head lay while the lines from `start` to `stop` (shares of all) were read."""

    start: float = 0.0
    stop: float = 0.0
    degrees: float = 0.0
    down: float = 0.0  # pixels
    right: float = 0.0


class Motion(Config):
    """A head that moves a few times while the lines of k-space are read one after the other.

    Notes
    -----
    Lines are read from one end of k-space to the other, and each group of lines sees the head
    turned and shifted in its own way. The group with the centre of k-space sees it at rest: it
    decides where the head seems to lie, and the clean slice remains the right answer.

    References
    ----------
    .. [1] R. Shaw et al., "MRI k-space motion artefact augmentation: model robustness and
       task-specific uncertainty", MIDL 2019. https://proceedings.mlr.press/v102/shaw19a.html
    """

    name: Literal["motion"]
    probability: Probability = 1.0
    poses: _Counts = Field((3, 6), description="how many, with the one at rest")
    rotation_degrees: float = Field(5.0, ge=0, le=45, description="largest turn, either way")
    translation: float = Field(
        0.04, ge=0, le=0.5, description="largest shift along each axis, in image heights"
    )
    axis: Axis = Field("either", description="along which lines are read one after the other")

    def draw(self, rng: np.random.Generator, shape: tuple[int, int]) -> tuple[float, ...]:
        """Draw the axis (0 rows, 1 columns) and the poses but the one at rest."""
        axis = draw_axis(self.axis, rng)
        borders = np.sort(rng.random(int(rng.integers(self.poses[0], self.poses[1] + 1)) - 1))
        reach = self.translation * shape[0]
        moved = []
        for start, stop in zip([0.0, *borders], [*borders, 1.0], strict=True):
            if not start <= 0.5 < stop:
                degrees = rng.uniform(-self.rotation_degrees, self.rotation_degrees)
                moved.append(_Pose(start, stop, degrees, *rng.uniform(-reach, reach, 2)))
        moved += [_Pose()] * (self.poses[1] - 1 - len(moved))
        return axis, *(value for pose in moved for value in pose)

    def apply(self, images: Tensor, parameters: Parameters, strength: float) -> Damage:
        """Gather k-space from the poses; turns and shifts grow with `strength`."""
        spectrum = transform(images, torch.fft.fft2)
        poses = parameters[:, 1:].reshape(len(parameters), -1, len(_Pose._fields))
        for start, stop, degrees, down, right in poses.transpose(1, 2, 0):
            lines = _lines(images, parameters[:, 0], start, stop)
            moved = _move(images, degrees * strength, down * strength, right * strength)
            spectrum = torch.where(lines, transform(moved, torch.fft.fft2), spectrum)
        return Damage(transform(spectrum, torch.fft.ifft2).abs())


def _lines(
    images: Tensor,
    axis: npt.NDArray[np.float64],
    start: npt.NDArray[np.float64],
    stop: npt.NDArray[np.float64],
) -> Tensor:
    # (N, 1, H, W) bool: the places in k-space that are read between `start` and `stop`.
    masks = []
    for place, size in enumerate(images.shape[-2:]):
        share = (line_numbers(size) + size / 2) / size  # of line 0 it is a half, also if odd
        read = (start[:, None] <= share) & (share < stop[:, None]) & (axis[:, None] == place)
        masks.append(to_device(read, images))
    rows, columns = masks
    return (rows[:, :, None] | columns[:, None, :])[:, None]


def _move(
    images: Tensor,
    degrees: npt.NDArray[np.float64],
    down: npt.NDArray[np.float64],
    right: npt.NDArray[np.float64],
) -> Tensor:
    # Turn about the centre, then shift; air comes in from outside. The sampling grid counts half
    # image sides from the centre.
    height, width = images.shape[-2:]
    y = ((torch.arange(height, device=images.device) + 0.5) - height / 2).view(1, -1, 1)
    x = ((torch.arange(width, device=images.device) + 0.5) - width / 2).view(1, 1, -1)
    cosine, sine = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    c, s, dy, dx = (to_device(v, images).view(-1, 1, 1) for v in (cosine, sine, down, right))
    from_x = (c * (x - dx) + s * (y - dy)) * (2 / width)
    from_y = (c * (y - dy) - s * (x - dx)) * (2 / height)
    grid = torch.stack([from_x, from_y], dim=-1)
    return functional.grid_sample(images, grid, mode="bilinear", align_corners=False)
