"""Ways through a latent space: from one place to another, and along one latent."""

import torch
from torch import Tensor

_STRAIGHT = 1e-4  # sine of an angle below which the way round has no direction


def spherical_path(start: Tensor, end: Tensor, *, steps: int) -> Tensor:
    """Return places at even distances between two, both ends among them.

    Parameters
    ----------
    start, end
        Of the same shape.
    steps
        How many places, at least two.

    Returns
    -------
    (steps, *shape)

    Notes
    -----
    The direction turns evenly and the length changes evenly. The straight line between two draws
    of normal noise passes through places of a length that noise hardly ever has. Where the two
    have the same direction, or opposite ones, the way is the straight line.

    References
    ----------
    White 2016, Sampling generative networks, doi:10.48550/arXiv.1609.04468

    Examples
    --------
    >>> path = spherical_path(torch.tensor([2.0, 0.0]), torch.tensor([0.0, 2.0]), steps=3)
    >>> [[round(number, 4) for number in place] for place in path.tolist()]
    [[2.0, 0.0], [1.4142, 1.4142], [0.0, 2.0]]
    """
    shares = torch.linspace(0, 1, steps, dtype=torch.float64)[:, None]
    first, second = start.double().flatten(), end.double().flatten()
    lengths = first.norm(), second.norm()
    path = (1 - shares) * first + shares * second
    if min(lengths) > 0:
        cosine = (first / lengths[0]) @ (second / lengths[1])
        angle = torch.acos(cosine.clamp(-1, 1))
        if angle.sin() > _STRAIGHT:
            turned = torch.sin((1 - shares) * angle) * first / lengths[0]
            turned += torch.sin(shares * angle) * second / lengths[1]
            path = turned / angle.sin() * ((1 - shares) * lengths[0] + shares * lengths[1])
    return path.to(start.dtype).view(steps, *start.shape)


def straight_paths(centre: Tensor, spread: Tensor, *, chosen: Tensor, steps: int) -> Tensor:
    """Return ways along single latents, from 3 standard deviations below the centre to 3 above.

    Parameters
    ----------
    centre, spread : (D,)
        Where every way passes, and the standard deviation of each latent.
    chosen : (K,) int64
        The latents, one way each.
    steps
        Places of a way.

    Returns
    -------
    (K, steps, D)
    """
    shares = torch.linspace(-3, 3, steps, dtype=centre.dtype)
    paths = centre.repeat(len(chosen), steps, 1)
    for way, latent in enumerate(chosen.tolist()):
        paths[way, :, latent] += shares * spread[latent]
    return paths
