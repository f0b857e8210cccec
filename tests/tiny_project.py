"""A project on disk with slices and untrained bundles, small enough for tests of the stages."""

import csv

import numpy as np
import torch

from mrigen.bundle import BundleConfig, save_bundle
from mrigen.data.records import ScanSlices, SliceRecord
from mrigen.data.store.slice_store import SliceStore
from mrigen.data.store.writing import write_store
from mrigen.models.build import build_network
from mrigen.project import Params

SIZE = 32
NETWORKS = {
    "vae": {"name": "vae", "latent_size": 8, "base_channels": 2, "depth": 3},
    "gan": {"name": "feliu_gan", "depth": 7, "base_channels": 2, "discriminator_channels": 2},
    "unet": {"name": "unet", "base_channels": 2, "depth": 2},
}


def params():
    base = {"dataset": "heads", "objective": {"name": "reconstruction"}, "training": {}, "gate": {}}
    small = {"samples": 12, "slices": 20, "sheet_images": 4, "restoration_images": 3}
    small["restoration"] = {"strengths": [1.0], "slices": 4}
    small |= {"usefulness": {"steps": 2}, "generation": {"ladder": [], "resamples": 20}}
    small["anomaly"] = {"slices": 6, "contrasts": [0.2], "shown": 2}
    small["copying"] = {"shown_pairs": 2}
    small["latent"] = {"images": 3, "paths": 2, "traversals": 2, "map_slices": 12}
    damage = [{"name": "line_patch"}, {"name": "lower_resolution", "factor": 2}]
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


def scan(number, name, slices=6):
    generator = np.random.default_rng(number)
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    head = (x / 11) ** 2 + (y / (12 + number % 3)) ** 2 < 1
    pixels = np.stack([head * generator.uniform(90, 200, (SIZE, SIZE)) for _ in range(slices)])
    records = [
        SliceRecord(
            subject=f"{name}{number:03d}", source="ixi", modality="T1w", plane="axial",
            index=index, position_mm=float(index), spacing_mm=1.0,
            pixel_height_mm=4.0, pixel_width_mm=4.0, brain_fraction=None, label_fraction=None,
            declared_split=None,
            foreground_fraction=0.4, age=20.0 + number, sex="f", ethnicity=None, site="Guys",
            path=f"data/{number}.nii.gz", channel=None,
        )
        for index in range(len(pixels))
    ]  # fmt: skip
    return ScanSlices(pixels.astype(np.uint8), records)


def write_slices(project, subjects=8, name="ixi/DEMO"):
    config = project.params.datasets["heads"]
    scans = (scan(number, name) for number in range(subjects))
    write_store(project.processed("heads"), scans, config=config)


def write_bundle(project, model, seed=0):
    config = BundleConfig(
        model=model, image_size=SIZE, network=project.params.models[model].network
    )
    torch.manual_seed(seed)
    network = build_network(config.network, SIZE)
    store = SliceStore(project.processed("heads"))
    card = {
        "model": model,
        "data_fingerprint": store.fingerprint,
        "split": store.split_kind,
        "warnings": list(store.warnings),
        "git_commit": "0" * 40,
        "mrigen_version": "0.1.0",
        "params": {"training": {"epochs": 2}},
    }
    digest = save_bundle(project.bundle(model), network, config=config, card=card)
    with (project.model_folder(model) / "history.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([["epoch", "train/loss", "validation/loss"], [1, 3, 4], [2, 2, 3]])
    return digest
