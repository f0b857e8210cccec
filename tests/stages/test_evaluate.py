import csv
import json
import math
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from mrigen.bundle import BundleConfig, save_bundle
from mrigen.data.extraction import DatasetConfig, ScanSlices, SliceRecord
from mrigen.data.store import SliceStore, write_store
from mrigen.errors import DataError, ModelError
from mrigen.models.build import build_network
from mrigen.project import Params, Project
from mrigen.stages.evaluate import evaluate
from mrigen.tracking import connect

SIZE = 32
NETWORKS = {
    "vae": {"name": "vae", "latent_size": 8, "base_channels": 2, "depth": 3},
    "gan": {"name": "feliu_gan", "depth": 7, "base_channels": 2, "discriminator_channels": 2},
    "unet": {"name": "unet", "base_channels": 2, "depth": 2},
}


def params():
    base = {"dataset": "heads", "objective": {"name": "reconstruction"}, "training": {}, "gate": {}}
    small = {"samples": 12, "slices": 20, "sheet_images": 4, "restoration_images": 3}
    damage = {"line_patch": {}, "downscale": 2}
    return Params.model_validate(
        {
            "sources": {"ixi": {"layout": "ixi", "path": "data"}},
            "datasets": {"heads": {"source": "ixi", "size": SIZE, "split": {
                "train": 0.5, "validation": 0.25, "test": 0.25, "seed": 0}}},
            "models": {
                name: base | {
                    "network": network,
                    "corruption": damage if name == "unet" else None,
                    "evaluation": small,
                }
                for name, network in NETWORKS.items()
            },
        }
    )  # fmt: skip


def scan(number):
    generator = np.random.default_rng(number)
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    head = (x / 11) ** 2 + (y / (12 + number % 3)) ** 2 < 1
    pixels = np.stack([head * generator.uniform(90, 200, (SIZE, SIZE)) for _ in range(6)])
    records = [
        SliceRecord(
            subject=f"ixi/DEMO{number:03d}", source="ixi", modality="T1w", plane="axial",
            index=index, position_mm=float(index), spacing_mm=1.0, pixel_mm=4.0,
            foreground_fraction=0.4, age=20.0 + number, sex="f", ethnicity=None, site="Guys",
            path=f"data/{number}.nii.gz", channel=None,
        )
        for index in range(len(pixels))
    ]  # fmt: skip
    return ScanSlices(pixels.astype(np.uint8), records)


def write_slices(project, subjects=8):
    config: DatasetConfig = project.params.datasets["heads"]
    write_store(project.processed("heads"), map(scan, range(subjects)), config=config)


def write_bundle(project, model, seed=0):
    config = BundleConfig(
        model=model, image_size=SIZE, network=project.params.models[model].network
    )
    torch.manual_seed(seed)
    network = build_network(config.network, SIZE)
    fingerprint = SliceStore(project.processed("heads")).fingerprint
    card = {
        "model": model,
        "data_fingerprint": fingerprint,
        "git_commit": "0" * 40,
        "mrigen_version": "0.1.0",
        "params": {"training": {"epochs": 2}},
    }
    digest = save_bundle(project.bundle(model), network, config=config, card=card)
    with (project.model_folder(model) / "history.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([["epoch", "train/loss", "validation/loss"], [1, 3, 4], [2, 2, 3]])
    return digest


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


def read(project, model):
    def refuse(word):
        raise AssertionError(f"{word} is not JSON")

    text = (project.evaluation(model) / "metrics.json").read_text()
    return json.loads(text, parse_constant=refuse)


def figures(project, model):
    return sorted(path.name for path in (project.evaluation(model) / "figures").iterdir())


def test_a_restorer_is_judged_on_damaged_slices_beside_its_input(project):
    metrics = evaluate(project, "unet")
    assert metrics == read(project, "unet")
    kinds = {"slice_mse", "slice_psnr_db", "slice_ssim"}
    kinds |= {name.replace("slice", "patch") for name in kinds}
    assert {f"{prefix}{name}" for prefix in ("", "input_") for name in kinds} <= set(metrics)
    assert metrics["slice_count"] == metrics["patch_count"] == 12
    assert "frechet_distance" not in metrics
    assert figures(project, "unet") == ["curves.png", "restorations.png"]


def test_a_sampler_is_judged_by_its_distance_and_the_floor(project):
    metrics = evaluate(project, "gan")
    assert metrics["frechet_samples"] == 12
    assert metrics["frechet_distance"] > metrics["frechet_floor"] > 0
    assert metrics["frechet_ratio"] == metrics["frechet_distance"] / metrics["frechet_floor"]
    assert not any("slice" in name for name in metrics)
    assert figures(project, "gan") == ["curves.png", "samples.png"]


def test_a_network_that_does_both_is_judged_in_both(project):
    metrics = evaluate(project, "vae")
    assert {"slice_ssim", "frechet_distance"} <= set(metrics)
    assert not any(name.startswith(("input_", "patch_")) for name in metrics)
    assert figures(project, "vae") == ["curves.png", "restorations.png", "samples.png"]
    assert all(math.isfinite(value) for value in metrics.values())
    for path in (project.evaluation("vae") / "figures").iterdir():
        with Image.open(path) as picture:
            picture.verify()


def test_twice_gives_the_same_files(project):
    folder = project.evaluation("unet")
    evaluate(project, "unet")
    first = {path.name: path.read_bytes() for path in folder.rglob("*.*")}
    evaluate(project, "unet")
    assert first == {path.name: path.read_bytes() for path in folder.rglob("*.*")}


def test_numbers_and_figures_reach_the_run_that_trained_the_bundle(project):
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
    assert "evaluation/figures/restorations.png" in paths


def test_a_bundle_without_a_run_gets_one(project):
    metrics = evaluate(project, "unet")
    run = connect(project.root).find_run({"mrigen.model": "unet"})
    assert run.metrics == metrics
    evaluate(project, "unet")
    assert connect(project.root).find_run({"mrigen.model": "unet"}).id == run.id


def test_a_model_without_curves_is_judged_all_the_same(project):
    (project.model_folder("unet") / "history.csv").unlink()
    evaluate(project, "unet")
    assert figures(project, "unet") == ["restorations.png"]


def test_slices_that_changed_after_training_are_refused_and_nothing_is_lost(project):
    evaluate(project, "unet")
    before = read(project, "unet")
    write_slices(project, subjects=9)
    with pytest.raises(ModelError, match=r"Run: mrigen train unet"):
        evaluate(project, "unet")
    assert read(project, "unet") == before


def test_what_is_missing_is_named(project):
    (project.processed("heads") / "manifest.parquet").write_bytes(b"damaged")
    with pytest.raises(DataError, match="mrigen slices heads"):
        evaluate(project, "unet")
    (project.bundle("unet") / "weights.safetensors").unlink()
    with pytest.raises(ModelError, match=r"weights\.safetensors"):
        evaluate(project, "unet")
