import numpy as np
import pytest
import torch

from judged_cases import Replay, case, heads, pixels
from mrigen.evaluation.config import GenerationConfig
from mrigen.evaluation.generation.ladder_distances import (
    Step,
    climb,
    degraded_features,
    describe,
    equivalent,
    judge_ladder,
    rungs_of,
)
from mrigen.evaluation.generation.sets import choose_sets
from mrigen.evaluation.ladder import RUNGS, Rung

NOISE = Rung("noise", 0.08, "std")


@pytest.fixture
def made(tmp_path):
    return case(tmp_path, Replay(heads(range(24))))


def test_a_degraded_slice_is_the_same_in_any_company_and_kept(made):
    rows = choose_sets(made).train
    together = degraded_features(made, rows, NOISE, made.extractor)
    other = case(made.cache.parent / "other", Replay(heads(range(24))))
    alone = degraded_features(other, rows[3:4], NOISE, other.extractor)
    assert torch.equal(alone[0], together[3])
    seen = made.extractor.network.seen
    assert torch.equal(degraded_features(made, rows, NOISE, made.extractor), together)
    assert made.extractor.network.seen == seen
    assert not torch.equal(together, made.real_features(rows))


def test_a_ladder_begins_at_the_floor_and_climbs(made):
    sets = choose_sets(made)
    steps = climb(sets.features(made.extractor), sets, made.extractor, kinds=("noise",))
    assert [step.rung.level for step in steps] == [0, 0.01, 0.04, 0.16]
    assert steps[-1].frechet > 2 * steps[0].frechet
    assert steps[-1].kernel > steps[0].kernel


@pytest.mark.parametrize("kind", ["blur", "noise", "lower_resolution"])
def test_the_strongest_rung_is_always_climbed(kind):
    every = [rung for rung in RUNGS if rung.kind == kind]
    climbed = rungs_of(kind)
    assert climbed[-1] == every[-1]
    assert climbed == [rung for rung in every if rung in climbed]


def test_levels_are_read_off_between_rungs():
    levels, distances = [0.0, 1.0, 2.0, 4.0], [5.0, 10.0, 8.0, 30.0]
    assert equivalent(levels, distances, 7.5) == 0.5
    assert equivalent(levels, distances, 4) == equivalent(levels, distances, 5) == 0
    assert equivalent(levels, distances, 20) == 3
    assert equivalent(levels, distances, 30.1) is None


def lines():
    return {
        kind: [Step(Rung(kind, level, unit), 10 * level / top, 0.0) for level in (0.0, top)]
        for kind, unit, top in (("blur", "px", 2.0), ("noise", "std", 0.5))
    }


def test_a_sentence_says_what_the_distance_is_like():
    assert describe(lines(), 5).endswith(
        "is that of real slices blurred by 1 px, or with noise of 0.25 of the range."
    )
    assert "beyond that blurred by 2 px, the strongest tried" in describe(lines(), 11)
    assert "no larger than that of real slices of other people" in describe(lines(), 0)


@pytest.mark.parametrize("kinds", [("lower_resolution",), ()])
def test_the_model_stands_beside_the_kinds_that_are_asked_for(made, kinds):
    sets = choose_sets(made)
    config = GenerationConfig(ladder=kinds)
    features = sets.features(made.extractor)
    judgement = judge_ladder(features, sets, made.extractor, config=config, distance=3.0)
    assert len(judgement.tables) == len(judgement.pictures) == len(judgement.remarks) == len(kinds)
    for table in judgement.tables.values():
        assert {row["kind"] for row in table.rows} == set(kinds)
        assert all(np.isfinite(row["frechet_distance"]) for row in table.rows)


def test_extractors_do_not_share_degraded_features(made):
    rows = choose_sets(made).train[:2]
    small = pixels(size=8, digest="small")
    assert degraded_features(made, rows, NOISE, made.extractor).shape == (2, 256)
    assert degraded_features(made, rows, NOISE, small).shape == (2, 64)
