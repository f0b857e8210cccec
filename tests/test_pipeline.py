"""The whole way under DVC: from raw volumes to a report and registered generators."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from phantoms import truncate, write_decathlon, write_ixi

ROOT = Path(__file__).parent.parent
SMALL = {
    "vae": {"latent_size": 4, "base_channels": 2, "depth": 3},
    "gan7": {"latent_size": 4, "base_channels": 2, "discriminator_channels": 2},
    "unet": {"base_channels": 2, "depth": 2},
}


class Checkout:
    """A clone of the project with phantoms in place of the demo cohort and tiny networks."""

    def __init__(self, root: Path) -> None:
        self.root = root
        shutil.copytree(ROOT / "src", root / "src", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(ROOT / "studies", root / "studies")
        (root / ".dvc").mkdir()
        for name in ("dvc.yaml", "params.yaml", ".dvcignore", ".dvc/config"):
            shutil.copyfile(ROOT / name, root / name)
        self.params = yaml.safe_load((root / "params.yaml").read_text())
        models = self.params["models"]
        self.params["models"] = {name: models[name] for name in SMALL}
        for dataset in self.params["datasets"].values():
            dataset |= {"size": 32, "selection": {"by": "fraction", "start": 0.4, "stop": 0.7}}
            dataset["split"] = {"train": 0.5, "validation": 0.25, "test": 0.25, "seed": 0}
        for name, sizes in SMALL.items():
            model = self.params["models"][name]
            model["network"] |= sizes
            model["training"] |= {"epochs": 1, "batch_size": 8}
            model["evaluation"] = {"samples": 8, "slices": 8, "sheet_images": 4}
            model["evaluation"]["usefulness"] = {"steps": 2}
            model["evaluation"]["restoration"] = {"brain_mask_subjects": 0}
            model["gate"] = {}
        self.write_params()
        write_ixi(root / "data/ixi", subjects=8)
        write_decathlon(root / "data/decathlon/Task01_BrainTumour", subjects=4)
        self.run("git", "init", "--quiet")

    def write_params(self) -> None:
        (self.root / "params.yaml").write_text(yaml.safe_dump(self.params))

    def run(self, *words: str) -> str:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = os.environ | {"PATH": path, "DVC_NO_ANALYTICS": "1", "OMP_NUM_THREADS": "1"}
        environment |= {"PYTHONPATH": str(self.root / "src")}
        answer = subprocess.run(
            words, cwd=self.root, env=environment, capture_output=True, text=True, check=False
        )
        assert answer.returncode == 0, answer.stdout + answer.stderr
        return answer.stdout

    def reproduce(self) -> set[str]:
        """Run `dvc repro` and return the stages that it had to run."""
        lines = self.run("dvc", "repro").splitlines()
        return {line.split("'")[1] for line in lines if line.startswith("Running stage")}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Checkout:
    checkout = Checkout(tmp_path_factory.mktemp("checkout"))
    truncate(next((checkout.root / "data/ixi/IXI-T1").glob("IXI*003*.nii.gz")))
    checkout.run("dvc", "add", "data")
    assert len(checkout.reproduce()) == 1 + 2 + 3 + 3 + 1
    return checkout


def test_ends_in_one_page_over_all_models(checkout):
    page = (checkout.root / "report/index.html").read_text()
    for model in SMALL:
        assert model in page
        metrics = json.loads((checkout.root / f"evaluation/{model}/metrics.json").read_text())
        assert all(isinstance(value, float | int) for value in metrics.values())
    assert "IXI003" in page, "the truncated volume is named with its reason"
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "<script" not in page


def test_a_second_reproduction_does_nothing(checkout):
    assert checkout.reproduce() == set()


def test_a_learning_rate_runs_one_model_and_the_report_again(checkout):
    checkout.params["models"]["gan7"]["training"]["learning_rate"] /= 2
    checkout.write_params()
    assert checkout.reproduce() == {"train@gan7", "evaluate@gan7", "compare"}


def test_registered_generators_can_be_sampled(checkout):
    registered = checkout.run("mrigen", "register")
    for model in SMALL:
        assert model in registered
    again = checkout.run("mrigen", "register", "vae")
    assert "1" in again
    sheets = []
    for name in ("a.png", "b.png"):
        checkout.run("mrigen", "sample", "vae@champion", "--count", "4", "--out", name)
        sheets.append((checkout.root / name).read_bytes())
    assert sheets[0] == sheets[1]
    assert sheets[0].startswith(b"\x89PNG")
