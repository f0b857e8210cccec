"""A model card is written from what the run left behind."""

import json
from typing import get_args

import pytest
import yaml

from mrigen.bundle import bundle_digest
from mrigen.evaluation.contents import write_judgements
from mrigen.evaluation.judgement import Judgement
from mrigen.models.build import NetworkConfig
from mrigen.objectives.build import ObjectiveConfig
from mrigen.project import Project
from mrigen.stages.card_words import NETWORKS, REFERENCES
from mrigen.stages.model_card import model_card
from tiny_project import params, write_bundle, write_slices

METRICS = {"slice_ssim": 0.9, "slice_ssim_low": 0.85, "slice_ssim_high": 0.95}


@pytest.fixture
def project(tmp_path):
    project = Project(tmp_path, params())
    write_slices(project)
    write_bundle(project, "unet")
    folder = project.evaluation("unet")
    folder.mkdir(parents=True)
    write_judgements(folder, {"restoration": Judgement(metrics=METRICS, remarks=["Few slices."])})
    return project


def sections(project, metrics=METRICS):
    return {section.title: section for section in model_card(project, "unet", metrics).sections}


def rewrite(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def names(union):
    return [
        get_args(kind.model_fields["name"].annotation)[0] for kind in get_args(get_args(union)[0])
    ]


def test_every_network_and_objective_has_words_and_sources():
    assert set(NETWORKS) == set(names(NetworkConfig))
    assert {*names(NetworkConfig), *names(ObjectiveConfig)} <= set(REFERENCES)


def test_the_card_has_the_headings_of_the_field(project):
    assert list(sections(project)) == [
        "Model details", "Intended use", "Training data", "Evaluation data", "In short", "Metrics",
        "Copies of training data", "Limits", "Hardware and energy", "How to reproduce it",
        "References", "Parameters",
    ]  # fmt: skip


def test_data_and_metrics_are_told(project):
    found = sections(project)
    data = found["Training data"].facts
    assert data["Trained on"] == "24 slices of 4 subjects"
    assert data["Age"].startswith("20 to 27 years")
    assert data["Licence of the data"] == "not declared"
    assert found["Evaluation data"].facts["Test split"] == "12 slices of 2 subjects"
    label, value, interval, direction = found["Metrics"].rows[0]
    assert (value, interval, direction) == ("0.900", "0.850 to 0.950", "higher is better")
    assert "SSIM" in label


def test_limits_are_the_remarks_and_the_warnings(project):
    rewrite(project.bundle("unet") / "card.json", warnings=["The split leaks."])
    lines = sections(project)["Limits"].lines
    assert lines[:2] == ["The split leaks.", "Restoring and reproducing slices: Few slices."]


def test_no_diagnosis_is_always_said(project):
    assert any("Not for diagnosis" in line for line in sections(project)["Intended use"].lines)


def test_a_licence_that_the_source_declares_stands_above_what_lies_beside_the_data(project):
    (project.root / "data").mkdir()
    (project.root / "data" / "dataset.json").write_text('{"licence": "CC0"}')
    source = project.params.sources["ixi"].model_copy(update={"licence": "by agreement"})
    project.params.sources["ixi"] = source
    facts = sections(project)["Training data"].facts
    assert facts["Licence of the data"] == "by agreement"


@pytest.mark.parametrize(
    ("name", "text", "licence"),
    [
        ("ATTRIBUTION.txt", "IXI.\nLicence: CC BY-SA 3.0 (page)\n", "CC BY-SA 3.0 (page)"),
        ("dataset.json", '{"licence": "CC-BY-SA 4.0"}', "CC-BY-SA 4.0"),
        ("dataset.json", "{}", "not declared"),
    ],
)  # fmt: skip
def test_the_licence_of_the_data_is_that_beside_them(project, name, text, licence):
    (project.root / "data").mkdir()
    (project.root / "data" / name).write_text(text)
    assert sections(project)["Training data"].facts["Licence of the data"] == licence


def test_data_that_changed_or_are_not_there_are_no_training_data(project):
    write_slices(project, subjects=9)
    found = sections(project)["Training data"]
    assert "Trained on" not in found.facts
    assert found.lines == ["The dataset at hand is not the one it was trained on."]


@pytest.mark.parametrize(
    ("energy", "words"),
    [
        ({"joules": 7.2e6, "mean_watts": 35.2, "energy_source": "a counter"},
         "2 kWh, 35 W on average, of a counter"),
        ({"energy_source": "not readable here"}, "not readable here"),
        ({}, "not recorded"),
    ],
)  # fmt: skip
def test_hardware_and_energy_are_told(project, energy, words):
    timing = {"bundle": bundle_digest(project.bundle("unet")), "device": "a chip", "seconds": 61.6}
    (project.model_folder("unet") / "timing.json").write_text(json.dumps(timing | energy))
    facts = sections(project)["Hardware and energy"].facts
    assert facts["Energy"] == words
    assert (facts["Hardware"], facts["Training time"]) == ("a chip", "62 s")


def test_a_choice_of_weights_by_their_images_is_told_with_what_it_took(project):
    assert "Weights" not in sections(project)["Model details"].facts
    kept = {"kept_epoch": 7, "kept_half_life": 0.03, "kept_kernel_distance": 0.01234}
    rewrite(project.bundle("unet") / "card.json", **kept)
    timing = {"bundle": bundle_digest(project.bundle("unet")), "seconds": 61.6, "look_seconds": 9}
    (project.model_folder("unet") / "timing.json").write_text(json.dumps(timing))
    found = sections(project)
    words = found["Model details"].facts["Weights"]
    assert words.startswith("those of epoch 7, an average of half-life 0.03, the best of those")
    assert "kernel distance 0.01234" in words
    assert found["Hardware and energy"].facts["Looks at its images"] == "9 s"


def test_times_of_another_bundle_are_not_told(project):
    timing = {"bundle": "0" * 64, "device": "a chip", "seconds": 61.6}
    (project.model_folder("unet") / "timing.json").write_text(json.dumps(timing))
    assert not sections(project)["Hardware and energy"].facts


def test_it_says_how_to_make_it_again(project):
    rewrite(project.bundle("unet") / "card.json", git_commit="ab" * 20 + "-dirty")
    section = sections(project)["How to reproduce it"]
    assert section.code.startswith(f"git checkout {'ab' * 20}\n")
    assert "mrigen train unet" in section.code
    assert section.lines == ["The code had changes that were not committed."]


def test_an_imported_model_says_where_it_is_from(project):
    path = project.bundle("unet") / "card.json"
    card = {"origin": "imported from Keras", "file": "x.h5", "sha256": "cd", "licence": "MIT"}
    path.write_text(json.dumps(card))
    found = sections(project)
    assert found["Training data"].facts == {"Origin": "imported from Keras"}
    assert found["Model details"].facts["Licence of the weights"] == "MIT"
    assert found["How to reproduce it"].facts == {"File": "x.h5", "SHA-256": "cd"}


def test_the_gate_is_told(project):
    values = yaml.safe_load("{slice_ssim: {min: 0.99}}")
    model = project.params.models["unet"]
    gate = type(model.gate).model_validate(values)
    project.params.models["unet"] = model.model_copy(update={"gate": gate})
    assert sections(project)["In short"].lines[-1].startswith("It does not pass its gate: 'slice_s")
