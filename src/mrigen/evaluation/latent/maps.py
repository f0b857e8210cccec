"""Latents laid out in a plane: their principal components, and t-SNE."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mrigen.evaluation.threads import one_thread
from mrigen.seeds import torch_seed

#: Slices that a map needs.
LEAST_SLICES = 10

_PERPLEXITY = 30.0
_COMPONENTS = 50  # that t-SNE is given, as is customary

_Numbers = npt.NDArray[np.float64]


class Plane(NamedTuple):
    """Where slices lie in a plane.

    Attributes
    ----------
    name
        Of the method.
    places : (N, 2)
    axes
        What the two axes are.
    """

    name: str
    places: _Numbers
    axes: tuple[str, str]


def map_codes(codes: _Numbers, train: int, *, seed: int) -> list[Plane]:
    """Lay latents out in a plane.

    Parameters
    ----------
    codes : (N, D)
        At least `LEAST_SLICES`, with at least two latents that differ between them.
    train
        The first so many are of the training split: they decide the principal components.
    seed
        Of t-SNE.

    Returns
    -------
    list
        The first two principal components, and t-SNE of all slices together, which starts there.

    Notes
    -----
    In a map by t-SNE neighbours are neighbours of the latent space; distances between groups,
    and their sizes, mean nothing.

    References
    ----------
    van der Maaten and Hinton 2008, Visualizing data using t-SNE, Journal of Machine Learning
    Research 9
    """
    # Slow to import, and needed by evaluations alone.
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    count = min(_COMPONENTS, codes.shape[1], train)
    with one_thread():
        analysis = PCA(count, svd_solver="full").fit(codes[:train])
        components = analysis.transform(codes)
        start = components[:, :2] / max(float(components[:, 0].std()), 1e-12) * 1e-4
        method = TSNE(
            perplexity=min(_PERPLEXITY, (len(codes) - 1) / 3),
            init=start.astype(np.float32),
            random_state=torch_seed(seed, "t-SNE"),
        )
        places = method.fit_transform(components)
    shares = [
        f"component {n + 1}, {100 * analysis.explained_variance_ratio_[n]:.0f} % of variance"
        for n in (0, 1)
    ]
    return [
        Plane("principal components", components[:, :2], (shares[0], shares[1])),
        Plane("t-SNE", np.asarray(places, np.float64), ("", "")),
    ]
