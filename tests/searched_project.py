"""A project whose U-Net has a search block and trains in moments."""

import json
from pathlib import Path

import yaml

from mrigen.project import Project, load_project
from phantoms import slice_store

SEARCH = {
    "slices": 8,
    "parameters": {
        "training.learning_rate": {"float": [1e-3, 1e-1], "log": True},
        "network.depth": {"choice": [1, 2]},
    },
}
UNET = {
    "dataset": "discs",
    "network": {"name": "unet", "base_channels": 2, "depth": 2},
    "objective": {"name": "reconstruction"},
    "corruption": [{"name": "line_patch"}],
    "training": {"epochs": 3, "batch_size": 4, "learning_rate": 0.01},
    "evaluation": {},
    "gate": {},
    "search": SEARCH,
}


def searched_project(root: Path, *, epochs: int = 3, **search: object) -> Project:
    """Write the project; `search` replaces keys of the search block."""
    model = json.loads(json.dumps(UNET))
    model["training"]["epochs"] = epochs
    model["search"] |= search
    values = {
        "sources": {"phantoms": {"layout": "ixi", "path": "data"}},
        "datasets": {"discs": {"source": "phantoms", "size": 32}},
        "models": {"unet": model},
    }
    root.mkdir(parents=True, exist_ok=True)
    (root / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    project = load_project(root)
    slice_store(project.processed("discs"))
    return project
