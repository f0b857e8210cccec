"""Following a velocity from noise to data."""

from collections.abc import Callable
from itertools import pairwise

from torch import Tensor

Velocity = Callable[[Tensor, Tensor], Tensor]


def follow(
    velocity: Velocity,
    noise: Tensor,
    *,
    steps: int,
    last_step: float = 0.0,
    last_velocity: Velocity | None = None,
) -> Tensor:
    """Integrate from time 0 to time 1 with Heun's method.

    Parameters
    ----------
    velocity
        Maps (N, C, H, W) points and (N,) times to (N, C, H, W) velocities.
    noise : (N, C, H, W)
        Where the path begins.
    steps
        All but the last are of equal length and corrected at their end; the last one, whose end
        is the image, costs one answer.
    last_step
        Share of the path that the last step covers, if that is more than `1 / steps`. It jumps
        to the image that is expected from where it begins.
    last_velocity
        What is asked in the last step; by default `velocity`.

    Returns
    -------
    (N, C, H, W)

    References
    ----------
    Karras et al. 2022, doi:10.48550/arXiv.2206.00364
    """
    jump = 1.0 if steps == 1 else max(last_step, 1 / steps)
    times = [(1 - jump) * step / max(1, steps - 1) for step in range(steps)] + [1.0]
    points = noise
    for start, stop in pairwise(times[:-1]):
        slope = velocity(points, _times(noise, start))
        reached = points + (stop - start) * slope
        slope = (slope + velocity(reached, _times(noise, stop))) / 2
        points = points + (stop - start) * slope
    start = times[-2]
    return points + (1 - start) * (last_velocity or velocity)(points, _times(noise, start))


def _times(noise: Tensor, time: float) -> Tensor:
    return noise.new_full((len(noise),), time)
