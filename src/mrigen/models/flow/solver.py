"""Following a velocity from noise to data."""

from collections.abc import Callable

from torch import Tensor

Velocity = Callable[[Tensor, Tensor], Tensor]


def follow(velocity: Velocity, noise: Tensor, *, steps: int) -> Tensor:
    """Integrate from time 0 to time 1 with Heun's method.

    Parameters
    ----------
    velocity
        Maps (N, C, H, W) points and (N,) times to (N, C, H, W) velocities.
    noise : (N, C, H, W)
        Where the path begins.
    steps
        Of equal length. All but the last are corrected at their end; the last one, whose end is
        the image, costs one answer.

    Returns
    -------
    (N, C, H, W)

    References
    ----------
    Karras et al. 2022, doi:10.48550/arXiv.2206.00364
    """
    points = noise
    for step in range(steps):
        slope = velocity(points, _times(noise, step / steps))
        reached = points + slope / steps
        if step < steps - 1:
            slope = (slope + velocity(reached, _times(noise, (step + 1) / steps))) / 2
            reached = points + slope / steps
        points = reached
    return points


def _times(noise: Tensor, time: float) -> Tensor:
    return noise.new_full((len(noise),), time)
