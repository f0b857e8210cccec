import dataclasses
import json

import nibabel as nib
import numpy as np
import pytest
import torch
from click.testing import CliRunner

from mrigen.bundle import CARD, bundle_digest
from mrigen.cli import main
from mrigen.data.export.pseudo_volume import WHITE
from mrigen.errors import ConfigError, ModelError
from mrigen.models.sampling import draw_samples
from mrigen.stages.register import register
from mrigen.stages.serving.loading import load_served
from mrigen.stages.stack import stack
from mrigen.stages.stack_span import MAX_SLICES, Span
from small_bundles import SIZE, network
from small_conditional import SmallConditional
from small_registry import GOOD, registered_project, write_evaluated

SLICES = {
    "plane": "axial", "display": "radiological", "centre": "field_of_view",
    "pixel_height_mm": 3.75, "pixel_width_mm": 3.75, "spacing_mm": 2.0,
    "position_mm": [1.0, 59.0], "differing": ["spacing_mm is 1.9 to 2.1"],
}  # fmt: skip
FEW = Span(10.0, 16.0, 3.0)


@pytest.fixture(scope="module")
def project(empty_database, tmp_path_factory):
    """Version 1 of the flow has a card of before, version 2 says where its slices lie."""
    folder = tmp_path_factory.mktemp("project")
    project = registered_project(folder, empty_database, vae=GOOD, flow=GOOD)
    write_evaluated(project, "flow", seed=1)
    card = project.bundle("flow") / CARD
    card.write_text(json.dumps(json.loads(card.read_text()) | {"slices": SLICES}))
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        register(project, "flow")
    return project


def draw(project, path, **options):
    return nib.load(stack(project, "flow/2", out=path, **({"span": FEW} | options)))


def pictures(image):
    return np.asanyarray(image.dataobj).transpose(2, 1, 0) / WHITE


def test_every_slice_is_the_sample_of_its_position(project, tmp_path):
    asked = {"age": 70.0, "sex": "female", "modality": "T1w"}
    image = draw(project, tmp_path / "head.nii.gz", seed=3, conditions=asked)
    told = {"age": 70.0, "sex": 0.0, "modality": 0.0}
    rows = [told | {"position_mm": place} for place in (10.0, 13.0, 16.0)]
    expected = draw_samples(network("flow", seed=1).for_stacks(), [3, 3, 3], rows)[:, 0].numpy()
    assert np.abs(pictures(image) - expected).max() <= 0.5 / WHITE + 1e-6
    assert np.ptp(expected, axis=0).max() > 0.01


def test_it_lies_where_its_slices_do(project, tmp_path):
    image = draw(project, tmp_path / "head.nii")
    half = 3.75 * (SIZE - 1) / 2
    expected = [[-3.75, 0, 0, half], [0, -3.75, 0, half], [0, 0, 3, 10], [0, 0, 0, 1]]
    assert np.allclose(image.affine, expected)


def test_by_default_the_positions_are_those_of_the_training(project, tmp_path, caplog):
    caplog.set_level("INFO")
    image = draw(project, tmp_path / "head.nii", span=Span())
    assert image.shape == (SIZE, SIZE, 30)
    assert image.affine[2].tolist() == [0, 0, 2, 1]
    assert "30 axial slices of 'flow' version 2, from 1 to 59 mm" in caplog.text
    assert "The training slices differ: spacing_mm is 1.9 to 2.1." in caplog.text


def test_the_same_request_gives_the_same_bytes_in_any_number_of_lanes(project, tmp_path):
    span = Span(step_mm=1.5)  # three chunks
    paths = [tmp_path / f"{lanes}.nii.gz" for lanes in (1, 2, 3)]
    for lanes, path in enumerate(paths, start=1):
        stack(project, "flow/2", out=path, span=span, turn_mm=20.0, lanes=lanes)
    assert len({path.read_bytes() for path in paths}) == 1
    assert sorted(tmp_path.iterdir()) == sorted(paths)


def test_the_file_says_that_it_is_synthetic_and_how_it_was_made(project, tmp_path):
    image = draw(project, tmp_path / "head.nii.gz", seed=3, conditions={"sex": "male"}, quick=True)
    words = bytes(image.header["descrip"]).rstrip(b"\0")
    assert words == b"synthetic, no patient, quick: flow version 2, seed 3"
    (comment,) = image.header.extensions
    told = json.loads(comment.text)
    assert told.pop("bundle") == bundle_digest(project.bundle("flow"))
    assert told == {
        "synthetic": True, "model": "flow", "version": 2, "conditions": {"sex": "male"},
        "seed": 3, "turn_mm": None, "quick": True, "first_mm": 10.0, "step_mm": 3.0, "slices": 3,
    }  # fmt: skip


def test_modes_and_noises_give_other_slices(project, tmp_path):
    plain = pictures(draw(project, tmp_path / "a.nii"))
    for number, options in enumerate(({"quick": True}, {"turn_mm": 5.0}, {"seed": 1})):
        other = pictures(draw(project, tmp_path / f"{number}.nii", **options))
        assert np.abs(other - plain).max() > 0.01


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"conditions": {"modality": "PET"}}, "condition 'modality' is 'PET': expected 'T1w'"),
        ({"conditions": {"age": 200.0}}, "condition 'age' is 200.0: expected a number from 18"),
        ({"conditions": {"position_mm": 3.0}}, "every slice of a stack has its own"),
        ({"span": Span(from_mm=-5.0)}, "'position_mm' is -5.0: expected a number from 0 to 60 mm"),
        ({"span": Span(to_mm=61.0)}, "'position_mm' is 61.0: expected"),
        ({"span": Span(from_mm=float("nan"))}, "'position_mm' is nan: expected"),
        ({"span": Span(30.0, 20.0)}, "begins at 30 mm and ends at 20 mm: expected it to rise"),
        ({"span": Span(step_mm=0.0)}, "the step is 0 mm: expected more than 0"),
        ({"span": Span(step_mm=float("inf"))}, "the step is inf mm: expected"),
        ({"span": Span(step_mm=0.01)}, f"more than {MAX_SLICES} slices: expected fewer"),
        ({"span": Span(step_mm=1e-320)}, f"more than {MAX_SLICES} slices: expected fewer"),
        ({"turn_mm": 0.0}, "expected at least 0.1 mm"),
        ({"seed": -1}, "'seed' is -1: expected 0 or more"),
        ({"seed": 2**63}, "below 2"),
    ],
    ids=str,
)
def test_what_cannot_be_drawn_is_refused(project, tmp_path, options, words):
    with pytest.raises(ConfigError, match=words):
        stack(project, "flow/2", out=tmp_path / "x.nii", **options)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["head.png", "head", ".nii.gz", "head.nii.bz2"])
def test_another_ending_is_refused(project, tmp_path, name):
    with pytest.raises(ConfigError, match=r"expected a name in \.nii or \.nii\.gz"):
        stack(project, "flow/2", out=tmp_path / name)


def test_a_model_without_positions_is_refused(project, tmp_path):
    with pytest.raises(ModelError, match="'vae' cannot be asked for slices of a position"):
        stack(project, "vae", out=tmp_path / "x.nii")


def test_a_card_of_before_is_refused_with_what_to_do(project, tmp_path):
    with pytest.raises(ModelError, match=r"does not say where its slices lie: .* Train it again"):
        stack(project, "flow/1", out=tmp_path / "x.nii")


def test_one_slice_is_a_volume_too(project, tmp_path):
    image = draw(project, tmp_path / "x.nii", span=Span(10.0, 10.0))
    assert image.shape == (SIZE, SIZE, 1)
    assert image.affine[2].tolist() == [0, 0, 2, 10]


def test_the_step_that_reaches_the_end_but_for_rounding_reaches_it(project, tmp_path):
    image = draw(project, tmp_path / "x.nii", span=Span(0.0, 0.9, 0.3))  # 0.9 / 0.3 is below 3
    assert image.shape[2] == 4


def test_a_damaged_card_is_refused(project, tmp_path, monkeypatch):
    def damaged(*words):
        model = load_served(*words)
        return dataclasses.replace(model, card=dict(model.card) | {"slices": {"plane": "up"}})

    monkeypatch.setattr("mrigen.stages.stack.load_served", damaged)
    with pytest.raises(ModelError, match="'slices' in the card of model 'flow' is damaged"):
        stack(project, "flow/2", out=tmp_path / "x.nii")


def test_a_card_is_told_without_what_a_terminal_would_obey(project, tmp_path, monkeypatch, caplog):
    def odd(*words):
        model = load_served(*words)
        slices = SLICES | {"differing": ["\x1b[31mred"]}
        return dataclasses.replace(model, card=dict(model.card) | {"slices": slices})

    caplog.set_level("INFO")
    monkeypatch.setattr("mrigen.stages.stack.load_served", odd)
    draw(project, tmp_path / "x.nii")
    assert "\x1b" not in caplog.text
    assert "[31mred" in caplog.text


def test_slices_that_are_not_finite_make_no_volume(project, tmp_path, monkeypatch):
    def damaged(*words):
        model = load_served(*words)
        model.network.coefficients.divisor.fill_(torch.nan)
        return model

    monkeypatch.setattr("mrigen.stages.stack.load_served", damaged)
    with pytest.raises(ModelError, match="'flow' drew values that are not finite"):
        draw(project, tmp_path / "x.nii")
    assert not list(tmp_path.iterdir())


def test_the_command_draws_what_the_function_does(project, tmp_path, monkeypatch):
    def conditional(*words):
        return dataclasses.replace(load_served(*words), network=SmallConditional(SIZE))

    monkeypatch.setattr("mrigen.stages.stack.load_served", conditional)
    words = ["-C", project.root, "stack", "flow/2", "--age", 70, "--sex", "f", "--from-mm", 10]
    words += ["--to-mm", 16, "--step-mm", 3, "--seed", 3, "--turn-mm", 8, "--quick", "--out"]
    answer = CliRunner().invoke(main, [str(word) for word in [*words, tmp_path / "a.nii.gz"]])
    assert answer.exit_code == 0, answer.output
    asked = {"age": 70.0, "sex": "female"}
    options = {"conditions": asked, "span": FEW, "seed": 3, "turn_mm": 8.0, "quick": True}
    stack(project, "flow/2", out=tmp_path / "b.nii.gz", **options)
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()


def test_a_refusal_is_one_line(project, tmp_path):
    words = ["-C", project.root, "stack", "vae", "--out", tmp_path / "x.nii"]
    answer = CliRunner().invoke(main, [str(word) for word in words])
    assert answer.exit_code == 2
    assert answer.stderr.startswith("mrigen: model 'vae' cannot be asked")
    assert answer.stderr.count("\n") == 1
