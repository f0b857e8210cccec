import sys
from pathlib import Path

import pytest
import yaml

import tiny_project
from mrigen.project import Project

# Last, so that no module of the benchmarks takes the place of another one.
sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder with slices of 24 subjects and a `params.yaml` that reads them."""
    folder = tmp_path_factory.mktemp("heads")
    made = Project(folder, tiny_project.params())
    tiny_project.write_slices(made, subjects=24)
    (folder / "params.yaml").write_text(yaml.safe_dump(made.params.model_dump(mode="json")))
    return made
