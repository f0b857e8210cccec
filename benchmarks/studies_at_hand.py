"""Write the params file behind docs/studies.md: the four studies on a small cohort at 2 mm.

The studies' own files in studies/ speak of the full IXI release (256 slices an axis) and of 484
Decathlon cases. This one keeps every choice of theirs that the data at hand allow, takes slices at
the same share of the axis, deals out subjects where a study dealt out slices, and trains as many
epochs as two cores finish in an hour.

    python benchmarks/studies_at_hand.py > params.yaml
"""

import sys
from pathlib import Path
from typing import Any

import yaml

STUDIES = Path(__file__).resolve().parent.parent / "studies"

# The studies' slices as shares of 256 (axial) and of 150 (sagittal) slices.
TABLADO = {"by": "fraction", "start": 160 / 256, "stop": 190 / 256, "step": 1}
LORENTE = {"by": "fraction", "start": 102 / 256, "stop": 153 / 256, "step": 1}
ARNAIZ = {"by": "fraction", "start": 23.5 / 150, "stop": 124.6 / 150, "step": 1}
FELIU = {"by": "fraction", "start": 60 / 155, "stop": 100 / 155, "step": 1}

# (study, its model, dataset here, epochs)
MODELS = {
    "tablado_vae": ("tablado", "vae_study", "tablado", 10),
    "tablado_vqvae": ("tablado", "vqvae_study", "tablado", 60),
    "arnaiz_skip_cae_clean": ("arnaiz", "skip_cae_clean", "arnaiz", 4),
    "arnaiz_shallow_clean": ("arnaiz", "shallow_clean", "arnaiz", 4),
    "arnaiz_residual_unet": ("arnaiz", "residual_unet_mse", "arnaiz", 4),
    "arnaiz_shallow": ("arnaiz", "shallow_mse", "arnaiz", 4),
    "arnaiz_skip_cae": ("arnaiz", "skip_cae_mse", "arnaiz", 4),
    "arnaiz_myronenko": ("arnaiz", "myronenko_mse", "arnaiz", 4),
    "arnaiz_residual_unet_dssim": ("arnaiz", "residual_unet_dssim", "arnaiz", 4),
    # Arnaiz' own weights, brought in by `mrigen import-keras FILE --name ...`: never trained here.
    "arnaiz_published_residual_unet": ("arnaiz", "residual_unet_mse", "arnaiz", 1),
    "arnaiz_published_skip_cae": ("arnaiz", "skip_cae_clean", "arnaiz", 1),
    "arnaiz_published_shallow": ("arnaiz", "shallow_mse", "arnaiz", 1),
    "lorente_unet": ("lorente", "original_51_px64", "lorente", 4),
    "feliu_gan4": ("feliu", "gan4_50k_100_once", "feliu", 20),
    "feliu_gan7": ("feliu", "gan7_30k_100_once", "feliu", 20),
    "feliu_gan15": ("feliu", "gan15_50k_100_once", "feliu", 20),
}

# What the studies' tables ask for, and a small suite of damage.
EVALUATION = {
    "restoration": {"slices": 32, "brain_mask_subjects": 0},
    "generation": {"ladder": []},
    "anomaly": None,
    "usefulness": None,
}


def main() -> None:
    studies = {path.stem: yaml.safe_load(path.read_text()) for path in STUDIES.glob("*.yaml")}
    params: dict[str, Any] = {
        "sources": {
            "ixi": {"layout": "ixi", "path": "data/ixi", "follow_links": True},
            "decathlon": {
                "layout": "decathlon",
                "path": "data/decathlon/Task01_BrainTumour",
                "follow_links": True,
            },
        },
        "datasets": datasets(studies),
        "models": {},
    }
    for name, (study, model, dataset, epochs) in MODELS.items():
        entry = dict(studies[study]["models"][model])
        training = dict(entry["training"], epochs=epochs, early_stopping=None)
        params["models"][name] = entry | {
            "dataset": dataset,
            "training": training,
            "evaluation": EVALUATION,
        }
    yaml.safe_dump(params, sys.stdout, sort_keys=False)


def datasets(studies: dict[str, Any]) -> dict[str, Any]:
    subjects = {"train": 0.7, "validation": 0.1, "test": 0.2, "seed": 0}
    arnaiz = studies["arnaiz"]["datasets"]["sagittal"]
    tested = arnaiz["split"]["fixed"]["test"]
    return {
        "tablado": studies["tablado"]["datasets"]["axial"]
        | {"selection": TABLADO, "split": subjects},
        "arnaiz": arnaiz | {"selection": ARNAIZ, "split": subjects | {"fixed": {"test": tested}}},
        "lorente": studies["lorente"]["datasets"]["axial_51"]
        | {"selection": LORENTE, "split": {**subjects, "train": 0.8, "validation": 0.0}},
        # Four cases: two to train, two to judge.
        "feliu": studies["feliu"]["datasets"]["tumours"]
        | {"selection": FELIU, "split": {"train": 0.5, "validation": 0.0, "test": 0.5, "seed": 0}},
    }


if __name__ == "__main__":
    main()
