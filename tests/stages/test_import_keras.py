import json
from hashlib import sha256

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from keras_files import KerasModel
from keras_networks import skip_cae, unet
from keras_refused import good_file
from mrigen.bundle import CARD, load_bundle
from mrigen.cli import main
from mrigen.cli.models import import_keras as command
from mrigen.errors import ModelError
from mrigen.models.keras_weights.recognition import IMPORTABLE
from mrigen.stages.import_keras import import_keras


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # no project
    return tmp_path


def invoke(*words):
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.mark.parametrize(("name", "build"), [("skip_cae", skip_cae), ("unet", unet)])
def test_the_bundle_answers_as_keras_did(folder, name, build):
    images = np.random.default_rng(3).random((2, 16, 16, 1))
    model = KerasModel(images)
    output = build(model)
    path = model.save(folder / "keras.h5", output)
    result = invoke("import-keras", path, "--model", name, "--out", "bundles/one")
    assert result.exit_code == 0, result.output
    bundle = load_bundle(folder / "bundles" / "one", "cpu")
    assert result.stdout == f"bundle: bundles/one {bundle.digest}\n"
    with torch.inference_mode():
        batch = torch.from_numpy(images.astype(np.float32)).permute(0, 3, 1, 2)
        answer = bundle.model.reconstruct(batch).permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(answer, output.values.clip(0, 1), atol=1e-5)


def test_the_card_says_where_the_weights_come_from(folder):
    path = good_file(folder)
    import_keras(path, "skip_cae", folder / "bundle")
    card = json.loads((folder / "bundle" / CARD).read_text())
    assert card["file"] == "net.h5"
    assert card["sha256"] == sha256(path.read_bytes()).hexdigest()
    assert card["keras_version"] == "2.4.0"
    assert card["licence"].startswith("unknown")
    assert card["layers"]["encoder.0.0"] == "conv2d_1"
    assert str(folder) not in json.dumps(card)


def test_an_imported_model_is_called_and_licensed_as_told_and_warns_of_its_subjects(folder):
    out = folder / "models" / "published" / "bundle"
    words = ("--model", "skip_cae", "--name", "published", "--licence", "MIT", "--out", out)
    result = invoke("import-keras", good_file(folder), *words)
    assert result.exit_code == 0, result.output
    assert load_bundle(out).config.model == "published"
    card = load_bundle(out).card
    assert (card["model"], card["licence"]) == ("published", "MIT")
    assert "training subjects" in card["warnings"][0]


def test_the_same_file_gives_the_same_bundle(folder):
    path = good_file(folder)
    first = import_keras(path, "skip_cae", folder / "one")
    assert import_keras(path, "skip_cae", folder / "two") == first
    for file in (folder / "one").iterdir():
        assert file.read_bytes() == (folder / "two" / file.name).read_bytes()


def test_replaces_a_bundle_and_fills_an_empty_folder(folder):
    path = good_file(folder)
    (folder / "empty").mkdir()
    digest = import_keras(path, "skip_cae", folder / "empty")
    assert import_keras(path, "skip_cae", folder / "empty") == digest


@pytest.mark.parametrize("kind", ["file", "folder", "bundle and more", "link", "dead link"])
def test_never_replaces_anything_else(folder, kind):
    path, out = good_file(folder), folder / "out"
    if kind == "file":
        out.write_text("mine")
    elif "link" in kind:
        out.symlink_to(folder / "elsewhere")
        if kind == "link":
            import_keras(path, "skip_cae", folder / "elsewhere")
    else:
        if kind == "bundle and more":
            import_keras(path, "skip_cae", out)
        out.mkdir(exist_ok=True)
        (out / "mine.txt").write_text("mine")
    before = sorted(folder.rglob("*"))
    with pytest.raises(ModelError, match=r"'.*out' is there and is not a bundle: expected a new"):
        import_keras(path, "skip_cae", out)
    assert sorted(folder.rglob("*")) == before


def test_a_refused_file_is_one_line_and_leaves_nothing(folder):
    (folder / "bad.h5").write_text("no model")
    result = invoke("import-keras", "bad.h5", "--model", "skip_cae", "--out", "bundle")
    assert result.exit_code == 2
    assert result.stderr.startswith("mrigen: 'bad.h5' is not a readable HDF5 file")
    assert result.stderr.count("\n") == 1
    assert [entry.name for entry in folder.iterdir()] == ["bad.h5"]


def test_the_command_offers_every_network_that_can_be_read():
    (option,) = [each for each in command.params if each.name == "model"]
    assert tuple(option.type.choices) == tuple(IMPORTABLE)
