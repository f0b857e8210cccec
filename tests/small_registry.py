"""A project whose models are untrained but evaluated, ready to be registered."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from mrigen.project import load_project
from mrigen.stages.register import register
from small_bundles import EVERY, SIZE, write_bundle

GOOD = {"frechet_ratio": 10.0, "slice_ssim": 0.9}


def write_project(root):
    """Write the `params.yaml` of a project with the small networks and return the project."""
    model = {"dataset": "heads", "objective": {"name": "reconstruction"}, "corruption": None}
    model |= {"training": {}, "evaluation": {}, "gate": {"frechet_ratio": {"max": 30}}}
    params = {
        "sources": {"ixi": {"layout": "ixi", "path": "data"}},
        "datasets": {"heads": {"source": "ixi", "size": SIZE}},
        "models": {name: model | {"network": network} for name, network in EVERY.items()},
    }
    Path(root, "params.yaml").write_text(yaml.safe_dump(params))
    return load_project(root)


def write_evaluated(project, model="vae", *, seed=0, metrics=GOOD, judged=None):
    """Write a bundle and its evaluation; `judged` names another bundle in the latter."""
    digest = write_bundle(project.bundle(model), model, seed=seed)
    folder = project.evaluation(model)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metrics.json").write_text(json.dumps(metrics))
    (folder / "evaluated.json").write_text(json.dumps({"bundle": judged or digest}))
    (folder / "contents.json").write_text("{}")
    return digest


def registered_project(folder, database, **models):
    """Register models, given with what their evaluation measured; return the project."""
    shutil.copyfile(database, folder / "mlflow.db")
    project = write_project(folder)
    with pytest.MonkeyPatch.context() as patch:  # it may be made before a test begins
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        for model, metrics in models.items():
            write_evaluated(project, model, metrics=metrics)
            register(project, model)
    return project
