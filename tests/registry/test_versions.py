import shutil

import pytest

from mrigen.bundle import bundle_digest
from mrigen.errors import RegistryError
from mrigen.registry.gate import GateConfig
from mrigen.registry.registration import register_bundle
from mrigen.registry.versions import champions, resolve
from mrigen.tracking.tracker import connect
from small_bundles import write_bundle


@pytest.fixture
def tracker(store):
    return connect(store)


@pytest.fixture
def register(tracker, tmp_path):
    def run(model="vae", *, seed=0, **bounds):
        path = tmp_path / f"{model}{seed}"
        write_bundle(path, model, seed=seed)
        gate = GateConfig.model_validate(bounds)
        return register_bundle(tracker, path, metrics={}, gate=gate)

    return run


def test_a_reference_is_an_alias_a_version_or_the_champion(tracker, register):
    digests = [register(seed=seed).digest for seed in range(3)]
    assert resolve(tracker, "vae@champion").digest == digests[0]
    assert resolve(tracker, "vae").digest == digests[0]
    assert resolve(tracker, "vae/2").digest == digests[1]
    assert resolve(tracker, "vae@candidate").digest == digests[2]


def test_a_registered_bundle_carries_what_the_registry_knows(tracker, register):
    done = register()
    found = resolve(tracker, "vae")
    assert (found.name, found.version) == ("vae", 1)
    assert found.aliases == ("candidate", "champion")
    assert found.card == {"model": "vae"}
    assert bundle_digest(found.path) == found.digest == done.digest
    assert found.load().digest == done.digest


def test_champions_are_found_by_name(tracker, register):
    assert champions(tracker) == []
    register("vae")
    register("gan", score={"min": 1})
    register("unet")
    assert [bundle.name for bundle in champions(tracker)] == ["unet", "vae"]


@pytest.mark.parametrize(
    ("reference", "sentence"),
    [
        ("gan", "no model 'gan' is registered .*: there is 'vae'"),
        ("vae/7", "no version 7: its versions are 1, 2, its aliases 'candidate' .version 2."),
        ("vae@best", "no alias 'best'"),
        ("vae@", "does not name a registered model"),
        ("vae@champion/1", "does not name a registered model"),
        ("../vae", "does not name a registered model"),
        ("vae' or '1'='1", "does not name a registered model"),
        ("", "does not name a registered model"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(tracker, register, reference, sentence):
    register(seed=0)
    register(seed=1)
    with pytest.raises(RegistryError, match=sentence):
        resolve(tracker, reference)


def test_an_empty_registry_says_what_to_run(tracker):
    with pytest.raises(RegistryError, match=r"none yet\. Run 'mrigen register vae'"):
        resolve(tracker, "vae")


def test_a_model_without_a_champion_is_told(tracker, register):
    register(score={"min": 1})
    with pytest.raises(RegistryError, match="no alias 'champion'"):
        resolve(tracker, "vae")


def test_changed_files_are_refused(tracker, register):
    register()
    weights = resolve(tracker, "vae").path / "weights.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(RegistryError, match="not those that were registered"):
        resolve(tracker, "vae")
    with pytest.raises(RegistryError, match="not those that were registered"):
        champions(tracker)


def test_missing_files_are_refused(tracker, register):
    register()
    shutil.rmtree(resolve(tracker, "vae").path)
    with pytest.raises(RegistryError, match="model 'vae' version 1"):
        resolve(tracker, "vae")


def test_a_model_of_another_tool_is_refused_and_is_no_champion(tracker, tmp_path):
    tracker.client.create_registered_model("vae")
    tracker.client.create_model_version("vae", f"file://{tmp_path}/model")
    tracker.client.set_registered_model_alias("vae", "champion", "1")
    with pytest.raises(RegistryError, match="not registered by mrigen"):
        resolve(tracker, "vae")
    assert champions(tracker) == []


def test_a_tag_cannot_point_out_of_the_cache(tracker, register):
    register()
    tracker.client.set_model_version_tag("vae", "1", "mrigen.bundle", "../../etc")
    with pytest.raises(RegistryError, match="64 hexadecimal digits"):
        resolve(tracker, "vae")


def test_a_project_that_was_moved_keeps_its_models(tracker, register, store, tmp_path):
    done = register()
    moved = tmp_path / "moved"
    shutil.copytree(store, moved)
    shutil.rmtree(store / "mlartifacts")
    found = resolve(connect(moved, write=False), "vae")
    assert found.path.is_relative_to(moved)
    assert found.digest == done.digest
