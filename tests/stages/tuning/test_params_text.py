"""Every model of the project's own files takes other parameters at every searched path."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from dvc.utils.serialize import loads_yaml

from mrigen.errors import ConfigError
from mrigen.model_config import ModelConfig
from mrigen.project import load_project
from mrigen.stages.tuning.params_text import check_text, read_text, text_with_parameters
from mrigen.tuning.paths import value_at
from mrigen.tuning.space import corners

ROOT = Path(__file__).parents[3]
FILES = [ROOT / "params.yaml", *sorted((ROOT / "studies").glob("*.yaml"))]

# Of models without a search block: a value that a shared block mostly has, and one that it lacks.
OTHERS = [{"training.learning_rate": 1.234e-3, "training.epsilon": 3e-6}]


def assignments(config):
    """Few sets of parameters that together take each searched path to a value it has not."""
    if config.search is None:
        return OTHERS
    chosen, left = [], set(config.search.parameters)
    for corner in corners(config.search):
        new = {path for path in left & corner.keys() if differs(config, path, corner[path])}
        if new:
            chosen.append(corner)
            left -= new
    assert not left
    return chosen


def differs(config, path, value):
    try:
        return value_at(config.section, path) != value
    except LookupError:
        return True


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_model_takes_other_values_at_every_searched_path(file, tmp_path):
    shutil.copy(file, tmp_path / "params.yaml")
    project = load_project(tmp_path)
    text = read_text(project)
    before = loads_yaml(text)
    for number, (model, config) in enumerate(project.params.models.items()):
        every = assignments(config)
        # The models of a study share spaces: each takes one of the sets in turn.
        for params in every if file.stem == "params" else [every[number % len(every)]]:
            edited = text_with_parameters(project, model, params, text)
            if file.stem == "params":
                check_text(project, model, params, edited)
            assert remarks(edited) == remarks(text), model
            # DVC has a YAML reader of its own.
            values = loads_yaml(edited)
            tuned = ModelConfig.model_validate(values["models"][model])
            assert tuned == config.with_parameters(params)
            values["models"][model] = before["models"][model]
            assert values == before


def remarks(text):
    return [line.partition(" #")[2] for line in text.splitlines() if " #" in line]


def test_a_text_with_other_values_is_refused(tmp_path):
    shutil.copy(FILES[0], tmp_path / "params.yaml")
    project = load_project(tmp_path)
    edited = text_with_parameters(project, "skip_cae", OTHERS[0], read_text(project))
    check_text(project, "skip_cae", OTHERS[0], edited)
    for wrong in (edited.replace("size: 64", "size: 32", 1), read_text(project)):
        with pytest.raises(ConfigError, match=r"learning_rate: 1.234e-3, .* by hand"):
            check_text(project, "skip_cae", OTHERS[0], wrong)


def dvc(root, *words):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "DVC_NO_ANALYTICS": "1"}
    command = ["dvc", *words]
    return subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, check=True
    ).stdout


def test_dvc_runs_again_what_depends_on_the_promoted_model_alone(tmp_path):
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    for stage in stages.values():
        inner = stage.get("do", stage)
        for key in ("deps", "outs", "plots", "metrics"):
            inner.pop(key, None)
        inner["cmd"] = "true"
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    shutil.copy(ROOT / "params.yaml", tmp_path)
    dvc(tmp_path, "init", "--no-scm", "--quiet")
    dvc(tmp_path, "commit", "--force", "--quiet")
    project = load_project(tmp_path)
    # Three others take over its block.
    edited = text_with_parameters(project, "shallow_residual_ae", OTHERS[0], read_text(project))
    (tmp_path / "params.yaml").write_text(edited)
    stale = [line for line in dvc(tmp_path, "status").splitlines() if line[:1].strip()]
    assert sorted(stale) == ["compare:", "train@shallow_residual_ae:"]
