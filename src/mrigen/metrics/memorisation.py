"""Nearest neighbours among slices, and what they say of a generator that memorises."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mrigen.errors import DataError

Labels = npt.NDArray[np.generic]

_IN_MEMORY = 4_000_000  # distances at a time, 32 MB


class Groups(NamedTuple):
    """To whom rows belong; rows of the same group are no neighbours of each other.

    Attributes
    ----------
    queries : (n,)
    references : (m,)
        Labels or whole numbers, of the same kind on both sides.
    """

    queries: Labels
    references: Labels


class Nearest(NamedTuple):
    """The nearest references.

    Attributes
    ----------
    distances : float64
        Euclidean; infinite where there is no reference.
    indices : int64
        Rows of the references; the first of several that are as near.
    """

    distances: npt.NDArray[np.float64]
    indices: npt.NDArray[np.int64]


def nearest(queries: Tensor, references: Tensor, *, exclude: Groups | None = None) -> Nearest:
    """Find the nearest reference of each query.

    Every difference is taken as it is, not through scalar products: the distance of identical
    rows is 0, and an answer does not depend on the number of threads.

    Parameters
    ----------
    queries : (n, F)
    references : (m, F)
    exclude
        Whose rows are no neighbours of each other, such as slices of one subject.

    Returns
    -------
    Nearest
        (n,) distances and (n,) indices.

    Raises
    ------
    DataError
        If the shapes do not fit, or a query has no reference left.
    """
    whole = np.zeros(len(references), np.int64)
    if exclude is None:
        found = nearest_by_group(queries, references, whole)
        return Nearest(found.distances[:, 0], found.indices[:, 0])
    names, codes = np.unique(exclude.references, return_inverse=True)
    found = nearest_by_group(queries, references, codes)
    others = without_own(found.distances, names=names, own=exclude.queries)
    best = others.argmin(1)
    places = np.arange(len(others))
    distances, indices = others[places, best], found.indices[places, best]
    # Groups come in the order of their names: of equal distances the first row is still wanted.
    for place in np.flatnonzero((others == distances[:, None]).sum(1) > 1):
        indices[place] = found.indices[place, others[place] == distances[place]].min()
    if not np.isfinite(distances).all():
        raise DataError(
            "a row has no neighbour outside its own group: expected references of another "
            "subject. Use data of more subjects."
        )
    return Nearest(distances, indices)


def nearest_by_group(queries: Tensor, references: Tensor, groups: Labels) -> Nearest:
    """Find the nearest reference of each query in each group.

    Parameters
    ----------
    queries : (n, F)
    references : (m, F)
    groups : (m,)
        Such as the subject of each reference.

    Returns
    -------
    Nearest
        (n, G) distances and (n, G) indices, the groups in the order of `np.unique(groups)`.

    Raises
    ------
    DataError
        If the shapes do not fit.
    """
    if queries.ndim != 2 or queries.shape[1:] != references.shape[1:] or not len(references):
        raise DataError(
            f"rows of shape {tuple(queries.shape)} have no neighbours among "
            f"{tuple(references.shape)}: expected (n, F) and at least one row of (m, F)."
        )
    if len(groups) != len(references):
        raise DataError(f"{len(groups)} groups of {len(references)} rows: expected one for each.")
    _, codes = np.unique(groups, return_inverse=True)
    order = np.argsort(codes, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)
    distances = np.empty((len(queries), len(members)))
    indices = np.empty((len(queries), len(members)), np.int64)
    wanted = references.double()
    step = max(1, _IN_MEMORY // len(references))
    for start in range(0, len(queries), step):
        part = slice(start, start + step)
        exact = "donot_use_mm_for_euclid_dist"
        found = torch.cdist(queries[part].double(), wanted, compute_mode=exact).numpy()
        for group, rows in enumerate(members):
            best = found[:, rows].argmin(1)
            distances[part, group] = found[np.arange(len(found)), rows[best]]
            indices[part, group] = rows[best]
    return Nearest(distances, indices)


def without_own(
    distances: npt.NDArray[np.float64], *, names: Labels, own: Labels
) -> npt.NDArray[np.float64]:
    """Put a query's own group infinitely far away.

    Parameters
    ----------
    distances : (n, G)
        Of `nearest_by_group`.
    names : (G,)
        The groups.
    own : (n,)
        The group of each query, also one that is not among `names`.
    """
    return np.where(own[:, None] == names[None, :], np.inf, distances)


def relative_distances(
    distances: npt.NDArray[np.float64], *, neighbours: int
) -> npt.NDArray[np.float64]:
    """Return how far the nearest group is, measured by the groups that come after it.

    A novel head is about as far from the nearest person as from the next ones, a copy of a
    person's slice much nearer. Measured like this, a smooth image, which is near everything, is
    no copy, and a slice that differs from all others does not hide its copy.

    Parameters
    ----------
    distances : (n, G)
        To the nearest reference in each of at least two groups; infinite ones do not count.
    neighbours
        Over how many next groups the mean is taken, if there are as many. More than one, so that
        somebody who is in the data under two names does not hide the copies.

    Returns
    -------
    (n,) in [0, 1]
        0 for a copy; 1 where everything is equally near, as for an empty slice.

    Raises
    ------
    DataError
        If a row has fewer than two groups.

    References
    ----------
    After the distance by which Carlini et al. 2023, arXiv:2301.13188, find copies; there the
    neighbours are images, here people, as the slices of one head are alike.
    """
    ordered = np.sort(distances, axis=1)[:, : neighbours + 1]
    rest = np.isfinite(ordered[:, 1:])
    counts = rest.sum(1)
    if not counts.size or not counts.all():
        raise DataError("expected distances to at least two groups. Use data of more subjects.")
    means = np.where(rest, ordered[:, 1:], 0).sum(1) / counts
    relative = np.divide(ordered[:, 0], means, out=np.ones(len(means)), where=means > 0)
    return np.asarray(relative, np.float64)


def authentic(
    generated: Tensor, training: Tensor, subjects: Labels, *, own: Labels | None = None
) -> npt.NDArray[np.bool_]:
    """Tell which samples are farther from training data than training people from each other.

    A sample counts as authentic if it is farther from its nearest training slice than that slice
    is from the nearest slice of another training subject.

    Parameters
    ----------
    generated : (n, F)
    training : (m, F)
    subjects : (m,)
        Whose each training slice is.
    own : (n,)
        Whose the samples are, where they are real slices: their own are no neighbours.

    Returns
    -------
    (n,) bool
        Their mean is the authenticity.

    Raises
    ------
    DataError
        If shapes do not fit or there are fewer than two subjects.

    References
    ----------
    Alaa et al. 2022, arXiv:2102.08921, section 3.2. There the inner neighbour is any other
    training sample. The next slice of the same head is so near that every copy would pass for
    authentic: here it is of another subject.
    """
    outer = nearest(generated, training, exclude=None if own is None else Groups(own, subjects))
    rows, places = np.unique(outer.indices, return_inverse=True)
    inner = nearest(training[rows], training, exclude=Groups(subjects[rows], subjects))
    return np.asarray(outer.distances > inner.distances[places], np.bool_)
