import csv
from io import BytesIO, StringIO

import numpy as np
import pytest
from PIL import Image

from known_lesions import Healthy, Identity, Sampler, case, memory, write_heads
from mrigen.evaluation.anomaly.judge import judge_anomaly
from mrigen.evaluation.catalogue.listing import find_metric
from small_models import build


@pytest.fixture(scope="module")
def heads(tmp_path_factory):
    return write_heads(tmp_path_factory.mktemp("healthy") / "heads", labels=False)


@pytest.fixture(scope="module")
def lesions(tmp_path_factory):
    return write_heads(tmp_path_factory.mktemp("diseased") / "lesions", lesions=(1,))


def rows(judgement, name):
    return list(csv.DictReader(StringIO(judgement.tables[name].csv())))


def test_a_network_that_reproduces_healthy_heads_alone_finds_lesions(heads):
    judgement = judge_anomaly(case(heads, Healthy(memory(heads))))
    metrics = judgement.metrics
    assert metrics["inserted_pixel_auroc"] > 0.98
    assert metrics["inserted_average_precision"] > 0.8
    assert metrics["inserted_best_dice"] > 0.8
    assert metrics["inserted_slice_auroc"] > 0.98
    assert metrics["inserted_pixel_auroc_low"] <= metrics["inserted_pixel_auroc_high"]
    assert metrics["inserted_slices"] == 18
    assert 0.01 < metrics["inserted_chance_precision"] < 0.1
    assert metrics["brightness/inserted_pixel_auroc"] < metrics["inserted_pixel_auroc"]
    assert not judgement.remarks


def test_a_network_that_answers_with_what_it_is_shown_finds_nothing_and_that_is_said(heads):
    judgement = judge_anomaly(case(heads, Identity()))
    assert judgement.metrics["inserted_pixel_auroc"] == 0.5
    assert judgement.metrics["inserted_slice_auroc"] == 0.5
    remarks = " ".join(judgement.remarks)
    assert "as they are: no residual is left" in remarks
    assert "A threshold on brightness alone finds the inserted lesions" in remarks


def test_more_contrast_is_found_more_easily_and_none_is_not_found(heads):
    network = Healthy(memory(heads))
    # Rough answers, so that faint lesions are lost in the residual.
    rough = type("Rough", (), {"reconstruct": lambda _, x: network.reconstruct(x).roll(1, -1)})()
    judgement = judge_anomaly(case(heads, rough, contrasts=[0.05, 0.15], contrast=0.6))
    found = [row for row in rows(judgement, "anomaly_contrasts") if row["method"] == "residual"]
    assert [row["contrast"] for row in found] == ["0", "0.05", "0.15", "0.6"]
    areas = [float(row["pixel_auroc"]) for row in found]
    assert areas == sorted(areas)
    assert areas[0] < 0.6 < 0.9 < areas[-1]
    assert [found[0][f"slice_auroc{part}"] for part in ("", "_low", "_high")] == ["0.5"] * 3


def test_labelled_lesions_of_another_dataset_are_looked_for(heads, lesions):
    network = Healthy(memory(heads))
    judgement = judge_anomaly(
        case(heads, network, dataset="lesions", others={"lesions": lesions}, slices=1000)
    )
    assert judgement.metrics["labelled_pixel_auroc"] > 0.95
    assert judgement.metrics["labelled_slice_auroc"] > 0.95
    found = {(row["lesions"], row["method"]) for row in rows(judgement, "anomaly")}
    assert found == {
        (kind, m) for kind in ("inserted", "labelled") for m in ("residual", "brightness")
    }
    assert set(judgement.pictures) == {"anomaly_inserted", "anomaly_labelled", "anomaly_curves"}


def test_labels_of_the_own_dataset_need_no_setting(lesions):
    judgement = judge_anomaly(case(lesions, Identity()))
    assert judgement.metrics["labelled_slices"] == judgement.metrics["inserted_slices"] / 2


@pytest.mark.parametrize("model", ["vae", "unet"])
def test_every_number_is_finite_and_in_the_catalogue(heads_of_16, model):
    judgement = judge_anomaly(case(heads_of_16, build(model).eval(), draws=2))
    for name, value in judgement.metrics.items():
        assert np.isfinite(value), name
        assert find_metric(name) is not None, name
    qualified = {name.partition("/")[0] for name in judgement.metrics if "/" in name}
    assert qualified == {"brightness"} | ({"probability"} if model == "vae" else set())
    for picture in judgement.pictures.values():
        assert Image.open(BytesIO(picture.png)).width > 100


@pytest.fixture(scope="module")
def heads_of_16(tmp_path_factory):
    return write_heads(tmp_path_factory.mktemp("small") / "heads", size=16, labels=False)


def test_the_same_case_is_judged_to_the_same_bytes(heads_of_16):
    first, second = (
        judge_anomaly(case(heads_of_16, build("vae").eval(), draws=2)) for _ in range(2)
    )
    assert first == second


def test_two_subjects_are_an_example(tmp_path):
    store = write_heads(tmp_path / "few", subjects=5, lesions=(0,))
    judgement = judge_anomaly(case(store, Healthy(memory(store))))
    assert "labelled_pixel_auroc_low" not in judgement.metrics
    assert any("are those of 2 subjects" in remark for remark in judgement.remarks)


def test_slices_that_all_have_lesions_are_not_told_apart(tmp_path):
    store = write_heads(tmp_path / "ill", lesions=(0, 1, 2))
    judgement = judge_anomaly(case(store, Identity()))
    assert "labelled_slice_auroc" not in judgement.metrics
    assert any("slices could not be told apart" in remark for remark in judgement.remarks)


def test_nothing_is_said_of_networks_that_answer_no_images_or_are_not_to_be_judged(heads):
    assert judge_anomaly(case(heads, Sampler())).metrics == {}
    left_out = case(heads, Identity())
    object.__setattr__(left_out, "config", left_out.config.model_copy(update={"anomaly": None}))
    assert judge_anomaly(left_out).metrics == {}
