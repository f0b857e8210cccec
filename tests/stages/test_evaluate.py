import json
import math
import shutil
from pathlib import Path

import pytest
from PIL import Image

from mrigen.bundle import load_bundle
from mrigen.data.loader import SliceDataset, ordered_batches
from mrigen.data.splits.config import SplitConfig
from mrigen.data.store.slice_store import SliceStore
from mrigen.errors import DataError, ModelError
from mrigen.evaluation.judgement import Judgement, Table
from mrigen.evaluation.latent.bound import evaluate_latent
from mrigen.project import Project
from mrigen.stages import evaluate as stage
from mrigen.stages.evaluate import evaluate
from mrigen.stages.import_keras import IMPORTED
from mrigen.tracking.tracker import connect
from tiny_project import NETWORKS, params, write_bundle, write_slices


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory):
    """An MLflow store without experiments: making one takes seconds, copying it none."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        folder = tmp_path_factory.mktemp("store")
        connect(folder)
    return folder / "mlflow.db"


@pytest.fixture
def project(tmp_path, monkeypatch, empty_store):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    shutil.copy(empty_store, tmp_path)
    project = Project(tmp_path, params())
    write_slices(project)
    for model in NETWORKS:
        write_bundle(project, model)
    return project


@pytest.fixture
def one_number(monkeypatch):
    """A judge in place of all others, for what does not depend on what is judged."""
    judged = Judgement(metrics={"clean_ssim": 0.5})
    monkeypatch.setattr(stage, "JUDGES", {"restoration": lambda _: judged})


def read(project, model):
    def refuse(word):
        raise AssertionError(f"{word} is not JSON")

    text = (project.evaluation(model) / "metrics.json").read_text()
    return json.loads(text, parse_constant=refuse)


def figures(project, model):
    return {path.stem for path in (project.evaluation(model) / "figures").iterdir()}


def test_a_restorer_is_judged_on_damaged_slices_beside_its_input(project):
    metrics = evaluate(project, "unet")
    assert metrics == read(project, "unet")
    measures = {"mse", "psnr_db", "ssim", "dssim"}
    kinds = {f"{region}_{name}" for region in ("slice", "patch") for name in measures}
    assert {f"{prefix}{name}" for prefix in ("", "input_") for name in kinds} <= set(metrics)
    assert metrics["slice_count"] == metrics["patch_count"] == 12
    assert "frechet_distance" not in metrics
    assert {"curves", "restorations"} <= figures(project, "unet")
    assert not {"samples", "quiz"} & figures(project, "unet")


def test_a_sampler_is_judged_by_its_distance_and_the_floor(project):
    metrics = evaluate(project, "gan")
    assert metrics["frechet_samples"] == 12
    assert metrics["frechet_distance"] > metrics["frechet_floor"] > 0
    assert metrics["frechet_ratio"] == metrics["frechet_distance"] / metrics["frechet_floor"]
    assert not any("slice" in name for name in metrics)
    assert {"curves", "samples", "quiz"} <= figures(project, "gan")
    assert "restorations" not in figures(project, "gan")


def test_a_network_that_does_both_is_judged_in_both(project):
    metrics = evaluate(project, "vae")
    assert {"clean_ssim", "damage_ssim", "frechet_distance", "rate_bits", "elbo_nats"} <= set(
        metrics
    )
    assert metrics["latent_size"] == 8
    assert not any(name.startswith(("slice_", "patch_", "input_slice")) for name in metrics)
    assert {"curves", "restorations", "samples", "quiz"} <= figures(project, "vae")
    assert all(math.isfinite(value) for value in metrics.values())
    for path in (project.evaluation("vae") / "figures").iterdir():
        with Image.open(path) as picture:
            picture.verify()


@pytest.mark.parametrize("validation", [0.25, 0.0])
def test_the_best_noise_of_a_vae_is_never_learned_from_test_slices(
    project, monkeypatch, validation
):
    split = {"train": 0.75 - validation, "validation": validation, "test": 0.25, "seed": 0}
    config = project.params.datasets["heads"].model_copy(
        update={"split": SplitConfig.model_validate(split)}
    )
    monkeypatch.setitem(project.params.datasets, "heads", config)
    write_slices(project)
    write_bundle(project, "vae")
    monkeypatch.setattr(stage, "JUDGES", {"latent": stage.JUDGES["latent"]})
    metrics = evaluate(project, "vae")
    network = load_bundle(project.bundle("vae")).model
    store = SliceStore(project.processed("heads"))
    other = SliceDataset(store, "validation" if validation else "train", corruption=None, seed=0)
    batches = [batch.target for batch in ordered_batches(other, batch_size=32, limit=20)]
    expected = evaluate_latent(network, test=batches, calibration=batches, seed=0)
    assert metrics["calibrated_noise_std"] == expected["calibrated_noise_std"]


def test_twice_gives_the_same_files(project):
    folder = project.evaluation("unet")
    evaluate(project, "unet")
    first = {path.name: path.read_bytes() for path in folder.rglob("*.*")}
    evaluate(project, "unet")
    assert first == {path.name: path.read_bytes() for path in folder.rglob("*.*")}


def test_numbers_and_figures_reach_the_run_that_trained_the_bundle(project, one_number):
    tracker = connect(project.root)
    digest = write_bundle(project, "unet")
    with tracker.start_run(name="unet", tags={"mrigen.bundle": digest}) as trained:
        trained.log_metrics({"train/loss": 1.0}, step=2)
    ended = tracker.client.get_run(trained.id).info.end_time
    metrics = evaluate(project, "unet")
    logged = tracker.client.get_run(trained.id)
    assert logged.data.metrics.items() >= metrics.items()
    assert (logged.info.status, logged.info.end_time) == ("FINISHED", ended)
    paths = {item.path for item in tracker.client.list_artifacts(trained.id, "evaluation/figures")}
    assert "evaluation/figures/curves.png" in paths


def test_any_number_of_metrics_the_tables_and_the_card_reach_mlflow(project, monkeypatch):
    metrics = {f"kind{number}/damage_psnr_db": number / 7 for number in range(2300)}
    table = Table("Kinds", "One.", ("kind", "psnr"), [{"kind": "blur", "psnr": 3.5}])
    judged = Judgement(metrics=metrics, tables={"kinds": table}, remarks=["Few slices."])
    monkeypatch.setattr(stage, "JUDGES", {"restoration": lambda _: judged})
    evaluate(project, "unet")
    tracker = connect(project.root)
    run = tracker.find_run({"mrigen.model": "unet"})
    assert run.metrics == metrics
    folder = Path(tracker.client.download_artifacts(run.id, "", str(project.root)))
    assert (folder / "evaluation/tables/kinds.csv").read_text() == "kind,psnr\nblur,3.5\n"
    assert (folder / "evaluation/figures/curves.png").read_bytes()[:4] == b"\x89PNG"
    card = (folder / "model_card.md").read_text()
    assert "Restoring and reproducing slices: Few slices." in card
    assert run.tags["mlflow.note.content"].startswith("# Model card of unet\n")


def test_a_bundle_without_a_run_gets_one(project, one_number):
    metrics = evaluate(project, "unet")
    run = connect(project.root).find_run({"mrigen.model": "unet"})
    assert run.metrics == metrics
    evaluate(project, "unet")
    assert connect(project.root).find_run({"mrigen.model": "unet"}).id == run.id


def test_a_model_without_curves_is_judged_all_the_same(project, one_number):
    (project.model_folder("unet") / "history.csv").unlink()
    assert evaluate(project, "unet")
    assert "curves" not in figures(project, "unet")


@pytest.mark.parametrize(
    "content",
    [b"epoch,train/loss\n1,low\n", b"\xff\xfe", b"epoch\n1,2,3\n", b'epoch\n"1', b"a,b\n1\n,2\n"],
)
def test_a_damaged_history_leaves_the_curves_out(project, one_number, content, caplog):
    (project.model_folder("unet") / "history.csv").write_bytes(content)
    assert evaluate(project, "unet")
    assert "curves" not in figures(project, "unet")
    assert "history.csv' is damaged" in caplog.text


def test_terms_of_a_part_of_the_training_are_drawn_over_that_part(project, one_number, monkeypatch):
    history = "epoch,train/first_loss,train/second_loss\n1,0.5,\n2,0.4,\n3,,0.9\n"
    (project.model_folder("unet") / "history.csv").write_text(history)
    drawn = []
    monkeypatch.setattr(stage, "curve_figure", lambda curves: drawn.append(curves) or b"picture")
    evaluate(project, "unet")
    (curves,) = drawn
    assert curves["epoch"] == [1, 2, 3]
    assert curves["train/first_loss"][:2] == [0.5, 0.4]
    assert math.isnan(curves["train/first_loss"][2])
    assert curves["train/second_loss"][2] == 0.9


def test_slices_that_changed_after_training_are_refused_and_nothing_is_lost(project, one_number):
    evaluate(project, "unet")
    before = read(project, "unet")
    write_slices(project, subjects=9)
    with pytest.raises(ModelError, match=r"Run: mrigen train unet"):
        evaluate(project, "unet")
    assert read(project, "unet") == before


def rewrite(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_an_imported_model_is_judged_on_slices_it_was_not_trained_on_here(project, one_number):
    card = project.bundle("unet") / "card.json"
    rewrite(card, data_fingerprint="unknown")
    with pytest.raises(ModelError, match="mrigen train unet"):
        evaluate(project, "unet")
    rewrite(card, origin=IMPORTED)
    assert evaluate(project, "unet") == {"clean_ssim": 0.5}


def test_slices_of_another_size_than_the_network_s_are_refused(project):
    rewrite(project.bundle("unet") / "config.json", image_size=64)
    with pytest.raises(ModelError, match=r"takes images of 64 pixels.*have 32"):
        evaluate(project, "unet")


def test_a_dataset_of_lesions_that_is_missing_or_damaged_is_refused(project, monkeypatch):
    config = project.params.models["unet"]
    anomaly = config.evaluation.anomaly.model_copy(update={"dataset": "lesions"})
    evaluation = config.evaluation.model_copy(update={"anomaly": anomaly})
    changed = config.model_copy(update={"evaluation": evaluation})
    monkeypatch.setitem(project.params.models, "unet", changed)
    with pytest.raises(DataError, match="mrigen slices lesions"):
        evaluate(project, "unet")
    shutil.copytree(project.processed("heads"), project.processed("lesions"))
    shard = next(project.processed("lesions").glob("*.npy"))
    shard.write_bytes(shard.read_bytes()[:-1] + b"\x07")
    with pytest.raises(DataError, match="mrigen slices lesions"):
        evaluate(project, "unet")


def test_what_is_missing_is_named(project):
    (project.processed("heads") / "manifest.parquet").write_bytes(b"damaged")
    with pytest.raises(DataError, match="mrigen slices heads"):
        evaluate(project, "unet")
    (project.bundle("unet") / "weights.safetensors").unlink()
    with pytest.raises(ModelError, match=r"weights\.safetensors"):
        evaluate(project, "unet")
