import json

import pytest
import safetensors.torch
import torch

from mrigen.bundle import (
    CARD,
    CONFIG,
    WEIGHTS,
    bundle_digest,
    load_bundle,
    read_card,
    read_config,
)
from mrigen.errors import ModelError
from mrigen.models.sampling import draw_samples
from small_bundles import NETWORKS, SIZE, config, network, write_bundle


@pytest.fixture
def path(tmp_path):
    write_bundle(tmp_path / "bundle")
    return tmp_path / "bundle"


def change_weights(path, change):
    tensors = safetensors.torch.load_file(path / WEIGHTS)
    change(tensors)
    safetensors.torch.save_file(tensors, path / WEIGHTS)


def change_json(path, change):
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


@pytest.mark.parametrize("model", NETWORKS)
def test_a_bundle_gives_back_the_network(tmp_path, model):
    digest = write_bundle(tmp_path / "bundle", model, card={"model": model, "epochs": 3})
    bundle = load_bundle(tmp_path / "bundle")
    original = network(model)
    for name, tensor in original.state_dict().items():
        assert torch.equal(bundle.model.state_dict()[name], tensor)
    assert bundle.digest == digest
    assert bundle.config == config(model)
    assert bundle.card == {"model": model, "epochs": 3}


def test_a_loaded_network_is_ready_for_use(path):
    model = load_bundle(path).model
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert torch.equal(draw_samples(model, [1, 2]), draw_samples(network(), [1, 2]))


def test_the_same_network_gives_the_same_bytes(path, tmp_path):
    write_bundle(tmp_path / "again")
    for name in (WEIGHTS, CONFIG, CARD):
        assert (tmp_path / "again" / name).read_bytes() == (path / name).read_bytes()


def test_the_digest_covers_weights_and_configuration_but_not_the_card(path, tmp_path):
    digest = bundle_digest(path)
    assert write_bundle(tmp_path / "card", card={"other": 1}) == digest
    assert write_bundle(tmp_path / "weights", seed=1) != digest
    change_json(path / CONFIG, lambda values: values.update(image_size=64))
    assert bundle_digest(path) != digest


def test_only_the_three_files_are_written(path):
    assert sorted(file.name for file in path.iterdir()) == sorted([WEIGHTS, CONFIG, CARD])


def test_a_failed_save_leaves_the_old_bundle(path):
    digest = bundle_digest(path)
    with pytest.raises(ValueError, match="JSON"):
        write_bundle(path, seed=1, card={"loss": float("nan")})
    assert bundle_digest(path) == digest
    assert [file.name for file in path.parent.iterdir()] == ["bundle"]


def test_a_missing_tensor_is_named(path):
    change_weights(path, lambda tensors: tensors.pop("encoder.mean.bias"))
    with pytest.raises(ModelError, match=r"'encoder\.mean\.bias' is missing"):
        load_bundle(path)


def test_an_unknown_tensor_is_named(path):
    change_weights(path, lambda tensors: tensors.update(extra=torch.zeros(1)))
    with pytest.raises(ModelError, match="'extra' is unknown"):
        load_bundle(path)


@pytest.mark.parametrize(
    ("tensor", "found"),
    [(torch.zeros(9), r"\(9,\) float32"), (torch.zeros(8).double(), r"\(8,\) float64")],
)
def test_a_tensor_of_another_kind_is_named(path, tensor, found):
    change_weights(path, lambda tensors: tensors.update({"encoder.mean.bias": tensor}))
    with pytest.raises(ModelError, match=rf"'encoder\.mean\.bias' is {found} instead of \(8,\)"):
        load_bundle(path)


def test_weights_of_another_network_are_refused_in_one_sentence(path, tmp_path):
    write_bundle(tmp_path / "gan", "gan")
    (path / WEIGHTS).write_bytes((tmp_path / "gan" / WEIGHTS).read_bytes())
    with pytest.raises(ModelError, match=r"and \d+ more"):
        load_bundle(path)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.99])
def test_truncated_weights_are_refused(path, share):
    content = (path / WEIGHTS).read_bytes()
    (path / WEIGHTS).write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ModelError, match="not a readable safetensors file"):
        load_bundle(path)


def test_a_pickle_is_refused(path):
    torch.save(network().state_dict(), path / WEIGHTS)
    with pytest.raises(ModelError, match="not a readable safetensors file"):
        load_bundle(path)


@pytest.mark.parametrize("name", [CONFIG, CARD])
@pytest.mark.parametrize("text", ["", "{", '{"a": NaN}', "[]", "\udc80"])
def test_damaged_json_is_refused(path, name, text):
    (path / name).write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ModelError, match="JSON") as caught:
        load_bundle(path)
    assert name in str(caught.value)


@pytest.mark.parametrize("name", [WEIGHTS, CONFIG, CARD])
def test_a_missing_file_is_named(path, name):
    (path / name).unlink()
    with pytest.raises(ModelError, match=f"has no readable '{name}'"):
        load_bundle(path)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(ModelError, match="nothing"):
        load_bundle(tmp_path / "nothing")


def test_an_unknown_key_of_the_configuration_is_named(path):
    change_json(path / CONFIG, lambda values: values["network"].update(latent_sise=4))
    with pytest.raises(ModelError, match=r"latent_sise.* did you mean 'latent_size'"):
        read_config(path)


def test_an_unknown_network_is_named(path):
    change_json(path / CONFIG, lambda values: values["network"].update(name="pixelcnn"))
    with pytest.raises(ModelError, match="pixelcnn"):
        load_bundle(path)


def test_an_image_size_the_network_cannot_have_is_refused(path):
    change_json(path / CONFIG, lambda values: values.update(image_size=SIZE + 1))
    with pytest.raises(ModelError):
        load_bundle(path)


def test_a_configuration_of_a_giant_network_is_refused_before_it_is_made(path):
    change_json(path / CONFIG, lambda values: values["network"].update(base_channels=256))
    with pytest.raises(
        ModelError, match=r"has 21,.* parameters: expected the 4,667 of its weights"
    ):
        load_bundle(path)


def test_weights_with_a_giant_header_are_not_parsed(path):
    header = b"{" + b" " * 2**21 + b"}"
    (path / WEIGHTS).write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(ModelError, match="a header of over 1048576 bytes"):
        load_bundle(path)


def nested(levels):
    return '{"a":' * levels + "1" + "}" * levels


@pytest.mark.parametrize("card", [nested(33), nested(300), '{"a": 1e999}', '{"a": "\\ud800"}'])
def test_a_card_that_no_answer_could_hold_is_refused(path, card):
    (path / CARD).write_text(card)
    with pytest.raises(ModelError, match="cannot be shown"):
        read_card(path)


def test_a_card_may_have_levels(path):
    (path / CARD).write_text(nested(32))
    assert "a" in read_card(path)
