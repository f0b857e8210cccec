import numpy as np
import pytest
import torch

from judged_cases import Replay, case, heads, open_store
from mrigen.data.loader import TRAIN
from mrigen.evaluation.config import GenerationConfig
from mrigen.evaluation.generation.positions import (
    Places,
    assign_positions,
    compare_bins,
    judge_positions,
)
from mrigen.evaluation.generation.resampling import HalfSamples
from mrigen.evaluation.generation.sets import Three, choose_sets

PLACES = np.repeat([0.0, 10.0, 20.0, 30.0], 10)


def features(places, seed, shift=0.0):
    noise = np.random.default_rng(seed).normal(size=(len(places), 5))
    return torch.from_numpy(np.column_stack([places, noise + shift]))


def test_slices_go_where_the_ones_most_like_them_lie():
    found = assign_positions(features([1, 9, 29], 0), features(PLACES, 1), PLACES, neighbours=5)
    assert found.tolist() == [0, 10, 30]


def test_a_bin_that_goes_wrong_shows_it_alone():
    generated = features(PLACES, 1)
    generated[PLACES == 20, 1:] += 3
    bins = compare_bins(
        Three(generated, features(PLACES, 2), features(PLACES, 3)),
        Places(PLACES, PLACES, PLACES),
        count=4,
    )
    assert [each.samples for each in bins] == [10] * 4
    distances = [each.distance.value for each in bins]
    assert distances[2] == max(distances)
    assert distances[2] > 5 * abs(bins[2].floor)


def test_shares_tell_where_too_few_are_generated():
    generated = np.where(PLACES == 0, 30.0, PLACES)
    bins = compare_bins(
        Three(*(features(PLACES, seed) for seed in (1, 2, 3))),
        Places(generated, PLACES, PLACES),
        count=4,
    )
    assert [each.generated for each in bins] == [0, 0.25, 0.25, 0.5]
    assert [each.test for each in bins] == [0.25] * 4
    assert bins[0].distance is bins[0].floor is None
    assert bins[0].samples == 0


def test_what_lies_beyond_the_test_slices_belongs_to_the_bin_at_that_end():
    bins = compare_bins(
        Three(*(features(PLACES, seed) for seed in (1, 2, 3))),
        Places(PLACES * 3 - 30, PLACES, PLACES),
        count=2,
    )
    assert sum(each.generated for each in bins) == 1
    assert [each.samples for each in bins] == [20, 20]


def test_slices_of_one_position_are_one_bin():
    same = np.full(40, 5.0)
    (only,) = compare_bins(
        Three(*(features(same, seed) for seed in (1, 2, 3))), Places(same, same, same), count=4
    )
    assert (only.low, only.high, only.samples) == (5, 5, 40)


def judged(made):
    sets = choose_sets(made)
    return judge_positions(sets.features(made.extractor), sets, GenerationConfig(position_bins=3))


def test_the_table_and_the_figure_tell_every_bin(tmp_path):
    store = open_store(tmp_path)
    low = store.positions(TRAIN)
    low = low[store.manifest["position_mm"].to_numpy()[low] < 10]
    judgement = judged(case(tmp_path, Replay(case(tmp_path, None).images(low))))
    (table,) = judgement.tables.values()
    shares = [row["share_generated"] for row in table.rows]
    assert len(shares) == 3
    assert shares[0] > 0.9
    assert judgement.pictures["generation_positions"].png.startswith(b"\x89PNG")
    assert not judgement.remarks


def test_pictures_have_no_positions(tmp_path):
    store = open_store(tmp_path, positions=False)
    judgement = judged(case(tmp_path, Replay(heads(range(24))), store=store))
    assert not judgement.tables
    assert "not known" in judgement.remarks[0]


@pytest.mark.parametrize("neighbours", [1, 40])
def test_any_number_of_neighbours_has_a_median(neighbours):
    found = assign_positions(features([15], 0), features(PLACES, 1), PLACES, neighbours=neighbours)
    assert 10 <= found[0] <= 20


def half_samples(subjects):
    people = np.array([f"s{number % subjects}" for number in range(len(PLACES))], dtype=object)
    return HalfSamples(people, people, generated=len(PLACES), times=40, seed=0)


def test_distances_have_intervals_over_subjects_where_every_half_has_slices():
    three = Three(features(PLACES, 1, shift=0.5), features(PLACES, 2), features(PLACES, 3))
    places = Places(PLACES, PLACES, PLACES)
    for each in compare_bins(three, places, count=2, halves=half_samples(8)):
        assert each.distance.low < each.distance.value < each.distance.high
    # Of three generated slices in a bin some half has fewer than two.
    generated = np.where(np.arange(len(PLACES)) < 3, 30.0, 0.0)
    bins = compare_bins(three, Places(generated, PLACES, PLACES), count=2, halves=half_samples(8))
    assert bins[1].distance is not None
    assert bins[1].distance.low is None


def test_half_samples_of_few_rows_are_rows_of_the_sets():
    three = Three(*(features(PLACES, seed) for seed in (1, 2, 3)))
    places = Places(PLACES, PLACES, PLACES)
    everything = np.arange(len(PLACES))
    plain = compare_bins(three, places, count=2, halves=half_samples(8))
    assert compare_bins(three, places, count=2, halves=half_samples(8), few=everything) == plain
    turned = compare_bins(three, places, count=2, halves=half_samples(8), few=everything[::-1])
    assert [each.distance.value for each in turned] == [each.distance.value for each in plain]
    assert turned != plain
