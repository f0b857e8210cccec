import json
import shutil
from dataclasses import replace
from hashlib import sha256

import pytest
import torch

from mrigen.bundle import bundle_digest
from mrigen.errors import ModelError, RegistryError
from mrigen.registry import inspection
from mrigen.registry.gate import GateConfig
from mrigen.registry.inspection import check_tag
from mrigen.registry.lookup import find_version
from mrigen.registry.registration import register_bundle
from mrigen.registry.versions import champions, resolve
from mrigen.tracking.tracker import connect
from small_bundles import write_bundle
from tampered import BUNDLE, SPOILT, change_byte, change_mlmodel


@pytest.fixture(scope="module")
def two_versions(empty_database, tmp_path_factory):
    """A store with two versions of one model, the second of which is champion."""
    folder = tmp_path_factory.mktemp("registered")
    shutil.copyfile(empty_database, folder / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        tracker = connect(folder)
    for seed in range(2):
        register(tracker, folder / f"vae{seed}", seed=seed)
    return folder


def register(tracker, path, seed=1):
    write_bundle(path, seed=seed)
    return register_bundle(tracker, path, metrics={}, gate=GateConfig({}), promote=True)


@pytest.fixture
def tracker(two_versions, tmp_path):
    # A store that is copied finds the files of the copy.
    shutil.copytree(two_versions, tmp_path / "store")
    return connect(tmp_path / "store")


@pytest.fixture
def root(tracker):
    """The folder of the champion in the registry."""
    return resolve(tracker, "vae").path.parent.parent


@pytest.mark.parametrize("kind", SPOILT)
def test_a_spoilt_version_is_refused_and_the_others_are_not(tracker, root, kind):
    spoil, sentence = SPOILT[kind]
    spoil(root)
    with pytest.raises(RegistryError, match=sentence):
        resolve(tracker, "vae@champion")
    with pytest.raises(RegistryError, match=sentence):
        champions(tracker)
    assert resolve(tracker, "vae/1").version == 1


def test_no_byte_of_any_file_may_change(tracker, root):
    names = [path.relative_to(root) for path in root.rglob("*") if path.is_file()]
    assert len(names) == 8
    for name in names:
        content = (root / name).read_bytes()
        for at in (0, len(content) // 2, -1):
            change_byte(root / name, at)
            with pytest.raises(RegistryError, match="model 'vae' version 2"):
                resolve(tracker, "vae")
            (root / name).write_bytes(content)
    assert resolve(tracker, "vae").version == 2


def test_a_missing_file_is_refused(tracker, root):
    (root / "conda.yaml").unlink()
    with pytest.raises(RegistryError, match=r"'conda\.yaml' of model 'vae' version 2"):
        resolve(tracker, "vae")


def test_a_card_for_people_may_change(tracker, root):
    (root / "model_card.md").write_text("# better words")
    assert resolve(tracker, "vae").version == 2


@pytest.mark.parametrize("tag", ["", "[]", "{", "null", "[" * 100_000])
def test_a_tag_that_records_nothing_trusts_nothing(tracker, tag):
    tracker.client.set_model_version_tag("vae", "2", "mrigen.files", tag)
    with pytest.raises(RegistryError, match="not the file that was registered"):
        resolve(tracker, "vae")


def test_a_pickle_that_was_registered_as_weights_is_no_network(tracker, root):
    weights = root / BUNDLE / "weights.safetensors"
    torch.save({"a": torch.zeros(2)}, weights)
    digest = bundle_digest(root / BUNDLE)
    change_mlmodel(root, lambda values: values["metadata"].update({"mrigen.bundle": digest}))
    tags = tracker.client.get_model_version("vae", "2").tags
    files = json.loads(tags["mrigen.files"])
    files[f"{BUNDLE}/weights.safetensors"] = sha256(weights.read_bytes()).hexdigest()
    files["MLmodel"] = sha256((root / "MLmodel").read_bytes()).hexdigest()
    tracker.client.set_model_version_tag("vae", "2", "mrigen.bundle", digest)
    tracker.client.set_model_version_tag("vae", "2", "mrigen.files", json.dumps(files))
    with pytest.raises(ModelError, match="not a readable safetensors file"):
        resolve(tracker, "vae").load()


def test_what_changes_between_the_check_and_the_loading_is_refused(tracker, root, tmp_path):
    found = resolve(tracker, "vae")
    other = write_bundle(tmp_path / "other", seed=7)
    assert other != found.digest
    weights = (tmp_path / "other" / "weights.safetensors").read_bytes()
    (root / BUNDLE / "weights.safetensors").write_bytes(weights)
    with pytest.raises(RegistryError, match="changed while they were loaded"):
        found.load()


@pytest.fixture
def earlier(tracker, root, monkeypatch):
    """The folder of a version from before the digests of files were recorded."""
    # Its code is today's here, which is not what such versions have.
    code = sha256((root / "pyfunc_model.py").read_bytes()).hexdigest()
    monkeypatch.setattr(inspection, "_EARLIER_CODE", {code})
    tracker.client.delete_model_version_tag("vae", "2", "mrigen.files")
    return root


def test_a_version_from_before_files_were_recorded_is_taken_without_its_card(tracker, earlier):
    change_byte(earlier / BUNDLE / "card.json", 5)
    assert resolve(tracker, "vae").card != {"model": "vae"}


@pytest.mark.parametrize("name", ["pyfunc_model.py", f"{BUNDLE}/config.json"])
def test_a_version_from_before_has_the_code_and_the_network_it_had(tracker, earlier, name):
    change_byte(earlier / name)
    with pytest.raises(RegistryError, match="model 'vae' version 2"):
        resolve(tracker, "vae")


def test_registering_again_records_the_files_of_a_version_from_before(tracker, earlier, tmp_path):
    register(tracker, tmp_path / "again")
    change_byte(earlier / BUNDLE / "card.json", 5)
    with pytest.raises(RegistryError, match=r"'artifacts/bundle/card\.json'"):
        resolve(tracker, "vae")


def test_a_card_that_was_changed_before_is_not_recorded(tracker, earlier, tmp_path):
    change_byte(earlier / BUNDLE / "card.json", 5)
    register(tracker, tmp_path / "again")
    assert "mrigen.files" not in tracker.client.get_model_version("vae", "2").tags


def registered_again(tracker, root):
    """Record the folder as it is, as somebody does who can write to the registry."""
    files = {
        path.relative_to(root).as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file() and path.name not in {"model_card.md", "registered_model_meta"}
    }
    tracker.client.set_model_version_tag("vae", "2", "mrigen.files", json.dumps(files))


def test_an_mlmodel_that_refers_to_itself_is_not_unfolded(tracker, root):
    lines = ["a0: &a0 {k: 1}"]
    lines += [f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 9)}]}}" for i in range(1, 40)]
    (root / "MLmodel").write_text("\n".join(lines))
    registered_again(tracker, root)
    with pytest.raises(RegistryError, match="a reference to another value"):
        resolve(tracker, "vae")


def test_a_large_mlmodel_is_not_read(tracker, root):
    (root / "MLmodel").write_text("[" * 2**17)
    with pytest.raises(RegistryError, match="'MLmodel' of 131072 bytes: expected at most 65536"):
        resolve(tracker, "vae")


def test_a_folder_of_thousands_is_not_walked_through(tracker, root):
    for number in range(100):
        (root / str(number)).mkdir()
    with pytest.raises(RegistryError, match="more than 64 files and folders"):
        resolve(tracker, "vae")


def test_a_name_that_no_command_line_could_name_is_refused(tracker):
    version = replace(find_version(tracker, "vae"), name="vae\n\x1b[2J../..")
    with pytest.raises(RegistryError, match=r"model 'vae\\n\\x1b\[2J../..' version 2 has a name"):
        check_tag(version)


def test_a_file_name_cannot_write_into_the_log(tracker, root):
    (root / "a\nb\x1b[2J").write_text("")
    with pytest.raises(RegistryError, match=r"holds 'a\\nb\\x1b\[2J', which"):
        resolve(tracker, "vae")
