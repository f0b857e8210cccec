import math

import pytest
import torch

from judged_cases import SIZE, Flatten, Replay, case, heads, open_store, pixels, write_slices
from mrigen.data.loader import TEST, TRAIN
from mrigen.data.store.slice_store import SliceStore
from mrigen.evaluation.catalogue.listing import find_metric
from mrigen.evaluation.generation.judge import judge_generation
from mrigen.metrics.features import FeatureExtractor
from mrigen.metrics.inception import Inception

QUICK = {"generation": {"resamples": 20, "ladder": [], "position_bins": 2}}
LADDER = {"generation": {"resamples": 20, "ladder": ["noise"]}}


def judge(folder, network=None, **options):
    network = Replay(heads(range(24))) if network is None else network
    return judge_generation(case(folder, network, **(QUICK | options)))


def require_plain(judgement):
    for key, value in judgement.metrics.items():
        assert math.isfinite(value), key
        assert find_metric(key) is not None, key
    for table in judgement.tables.values():
        for row in table.rows:
            assert set(row) <= set(table.columns)
            assert all(math.isfinite(v) for v in row.values() if isinstance(v, float))


def test_everything_is_measured_of_a_generator(tmp_path):
    judgement = judge(tmp_path, **LADDER)
    require_plain(judgement)
    assert {
        *("frechet_distance", "frechet_ratio_low", "kernel_floor", "coverage_of_real"),
        *("ms_ssim", "spectrum_distance_high", "histogram_floor"),
    } <= set(judgement.metrics)
    # Floors and values that are neither better nor worse have their ends in the table.
    assert not {"frechet_floor_low", "ms_ssim_low"} & set(judgement.metrics)
    assert set(judgement.tables) == {
        "generation",
        "generation_positions",
        "generation_slices",
        "generation_ladder",
    }
    assert set(judgement.pictures) == {
        *("samples", "generation_appearance", "generation_positions", "generation_ladder")
    }
    assert [remark for remark in judgement.remarks if "Fréchet distance is" in remark]
    measures = [row["measure"] for row in judgement.tables["generation"].rows]
    assert measures[0] == "frechet_distance"
    assert "frechet_ratio" in measures


def test_the_same_network_and_data_give_the_same_answers_with_and_without_the_cache(tmp_path):
    first, again = judge(tmp_path, **LADDER), judge(tmp_path, **LADDER)
    assert again.metrics == first.metrics
    assert again.pictures == first.pictures
    assert [t.csv() for t in again.tables.values()] == [t.csv() for t in first.tables.values()]


def test_a_generator_that_replays_training_slices_looks_like_real_people(tmp_path):
    store = open_store(tmp_path)
    made = case(tmp_path, None)
    replay = Replay(made.images(made.rows(TRAIN, 24)))
    good = judge(tmp_path, replay, store=store).metrics
    bad = judge(tmp_path, Replay(torch.rand(24, 1, SIZE, SIZE)), store=store).metrics
    assert good["frechet_ratio"] == pytest.approx(1, rel=1e-6)
    assert good["coverage"] == good["coverage_of_real"]
    assert good["spectrum_distance"] == pytest.approx(good["spectrum_floor"])
    assert bad["frechet_ratio"] > 5
    assert bad["precision"] == 0


def test_identical_sets_have_no_distance(tmp_path):
    made = case(tmp_path, None)
    metrics = judge(tmp_path, Replay(made.images(made.rows(TEST, 24)))).metrics
    for name in ("frechet_distance", "spectrum_distance", "histogram_distance"):
        assert metrics[name] == pytest.approx(0, abs=1e-9)
    assert metrics["precision"] == metrics["recall"] == metrics["coverage"] == 1


def test_further_extractors_come_with_their_label(tmp_path):
    extractors = {"pixels": pixels(), "small": pixels(size=8, digest="small")}
    judgement = judge(tmp_path, extractors=extractors)
    require_plain(judgement)
    metrics = judgement.metrics
    assert {"frechet_distance", "small/frechet_distance", "small/coverage_low"} <= set(metrics)
    assert metrics["frechet_distance"] != metrics["small/frechet_distance"]
    assert "small/ms_ssim" not in metrics


class SmallInception(Inception):
    """The type that says whose distances are called FID, with pixels for features."""

    def __init__(self):
        torch.nn.Module.__init__(self)
        self.body = Flatten()

    def forward(self, images):
        return self.body(images)

    def logits(self, features):
        return 5 * features[:, :10]


def test_distances_of_inception_are_called_fid(tmp_path):
    network = SmallInception()
    inception = FeatureExtractor("inception", network, SIZE**2, 1, SIZE, (0.0, 1.0), "inception")
    metrics = judge(tmp_path, extractors={"inception": inception}).metrics
    assert {"fid", "fid_low", "fid_floor", "fid_ratio", "inception_score"} <= set(metrics)
    assert {"inception_score_of_real", "kernel_distance"} <= set(metrics)
    assert not {"frechet_distance", "frechet_floor", "frechet_ratio"} & set(metrics)
    second = judge(tmp_path, extractors={"pixels": pixels(), "inception": inception}).metrics
    assert second["inception/fid"] == metrics["fid"] == second["frechet_distance"]


@pytest.mark.parametrize("samples", [2, 5, 6])
def test_few_samples_leave_numbers_out_in_a_sentence(tmp_path, samples):
    judgement = judge(tmp_path, samples=samples)
    require_plain(judgement)
    assert judgement.metrics["frechet_samples"] == samples
    assert ("precision" in judgement.metrics) == (samples > 5)
    assert any("nearest neighbours" in remark for remark in judgement.remarks) == (samples <= 5)


@pytest.mark.parametrize("slices", [1, 2])
def test_one_test_subject_has_no_intervals(tmp_path, slices):
    write_slices(tmp_path / "few", subjects=3, slices=slices)
    judgement = judge(tmp_path, store=SliceStore(tmp_path / "few"))
    require_plain(judgement)
    assert judgement.remarks
    if slices == 1:
        assert not judgement.metrics
        assert "cannot be compared" in judgement.remarks[0]
    else:
        assert judgement.metrics["frechet_samples"] == 2
        assert not [key for key in judgement.metrics if key.endswith("_low")]
        assert any("no intervals" in remark for remark in judgement.remarks)
        assert any("one person" in remark for remark in judgement.remarks)


def test_pictures_without_positions_are_judged_but_for_them(tmp_path):
    judgement = judge(tmp_path, store=open_store(tmp_path, positions=False))
    assert "generation_positions" not in judgement.tables
    assert "frechet_distance" in judgement.metrics


def test_nothing_is_said_of_other_networks_or_where_it_is_not_wanted(tmp_path):
    assert not judge(tmp_path, torch.nn.Identity()).metrics
    assert not judge(tmp_path, generation=None).pictures
