import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from mrigen.errors import DataError
from mrigen.metrics import memorisation
from mrigen.metrics.memorisation import (
    Groups,
    authentic,
    nearest,
    nearest_by_group,
    relative_distances,
    without_own,
)


def rows(count, seed=0, features=5):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(count, features)))


@given(seed=st.integers(0, 99), chunk=st.integers(1, 200))
def test_the_nearest_are_those_of_scipy(seed, chunk):
    queries, references = rows(13, seed), rows(17, seed + 1)
    expected = cdist(queries, references)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memorisation, "_IN_MEMORY", chunk)
        found = nearest(queries, references)
    assert np.array_equal(found.indices, expected.argmin(1))
    assert np.allclose(found.distances, expected.min(1), rtol=1e-12)


def test_identical_rows_are_exactly_0_apart_however_far_from_the_origin():
    references = rows(30).float() * 1e-3 + 1e4
    found = nearest(references.clone(), references)
    assert (found.distances == 0).all()
    assert (references[found.indices] == references).all()


def test_of_equal_rows_the_first_is_the_nearest():
    references = torch.zeros(4, 2)
    references[0] = 9
    groups = np.array(["a", "z", "b", "b"])
    assert nearest(torch.zeros(1, 2), references).indices.tolist() == [1]
    free = Groups(np.array(["a"]), groups)
    assert nearest(torch.zeros(1, 2), references, exclude=free).indices.tolist() == [1]


@given(seed=st.integers(0, 99))
def test_rows_of_the_same_group_are_no_neighbours(seed):
    queries, references = rows(9, seed), rows(12, seed + 1)
    draw = np.random.default_rng(seed)
    groups = Groups(draw.integers(0, 4, 9), np.arange(12) % 3)
    expected = cdist(queries, references)
    expected[groups.queries[:, None] == groups.references] = np.inf
    found = nearest(queries, references, exclude=groups)
    assert np.array_equal(found.indices, expected.argmin(1))
    assert np.allclose(found.distances, expected.min(1), rtol=1e-12)


def test_a_row_whose_group_is_all_there_is_has_no_neighbour():
    alone = Groups(np.zeros(2), np.zeros(3))
    with pytest.raises(DataError, match="no neighbour outside its own group"):
        nearest(rows(2), rows(3), exclude=alone)


@pytest.mark.parametrize(
    ("queries", "references"), [((2, 3), (4, 5)), ((3,), (4, 3)), ((2, 3), (0, 3))]
)
def test_shapes_that_do_not_fit_are_told(queries, references):
    with pytest.raises(DataError, match="have no neighbours"):
        nearest(torch.zeros(queries), torch.zeros(references))


def test_every_group_has_its_own_nearest():
    queries, references = rows(6), rows(10, 1)
    groups = np.array(list("baccabcabc"))
    found = nearest_by_group(queries, references, groups)
    for column, group in enumerate("abc"):
        own = np.flatnonzero(groups == group)
        distances = cdist(queries, references[own])
        assert np.allclose(found.distances[:, column], distances.min(1))
        assert np.array_equal(found.indices[:, column], own[distances.argmin(1)])
    with pytest.raises(DataError, match="3 groups of 10 rows"):
        nearest_by_group(queries, references, groups[:3])


def test_relative_distances_measure_the_nearest_group_by_the_next_ones():
    distances = np.array([[4.0, 1, 3, 9], [0, 5, 5, 5], [2, 2, 2, 2], [0, 0, 0, 0]])
    expected = [1 / 3.5, 0, 1, 1]
    assert relative_distances(distances, neighbours=2).tolist() == expected
    far = without_own(distances, names=np.array(list("abcd")), own=np.array(list("bxyz")))
    assert relative_distances(far, neighbours=9)[0] == 3 / 6.5
    with pytest.raises(DataError, match="two groups"):
        relative_distances(distances[:, :1], neighbours=2)


@given(seed=st.integers(0, 99), scale=st.floats(0.01, 100))
def test_relative_distances_do_not_know_the_scale(seed, scale):
    distances = np.random.default_rng(seed).uniform(0.1, 1, (5, 7))
    first = relative_distances(distances, neighbours=3)
    assert np.allclose(first, relative_distances(scale * distances, neighbours=3))
    assert ((first >= 0) & (first <= 1)).all()


def test_slices_of_the_same_head_do_not_make_copies_authentic():
    # Three people far apart, whose own slices are all but the same.
    people = 10 * rows(3, 4).repeat_interleave(4, 0)
    training = people + 0.01 * rows(12, 5)
    subjects = np.repeat(["a", "b", "c"], 4)
    copies = training + 0.05 * rows(12, 6)
    assert not authentic(copies, training, subjects).any()
    assert authentic(1000 + copies, training, subjects).all()


def test_real_slices_are_measured_against_other_people():
    training = torch.tensor([[0.0], [1.0], [10.0], [12.0]]).double()
    subjects = np.array(["a", "b", "c", "d"])
    queries = torch.tensor([[0.0], [10.5]]).double()
    assert authentic(queries, training, subjects).tolist() == [False, False]
    own = np.array(["a", "c"])
    # Without their own: b at 1, whose neighbour is a at 1; d at 1.5, whose neighbour is c at 2.
    assert authentic(queries, training, subjects, own=own).tolist() == [False, False]
    own = np.array(["a", "d"])
    assert authentic(queries - 1, training, subjects, own=own).tolist() == [True, False]
