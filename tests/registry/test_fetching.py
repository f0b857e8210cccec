import gc
import shutil
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from mlflow_server import running_mlflow
from mrigen.bundle import bundle_digest
from mrigen.errors import RegistryError
from mrigen.registry.gate import GateConfig
from mrigen.registry.lookup import find_version
from mrigen.registry.registration import register_bundle
from mrigen.registry.versions import fetch, resolve
from mrigen.tracking.tracker import connect
from small_bundles import write_bundle
from tampered import BUNDLE, SPOILT, change_byte


@pytest.fixture(scope="module")
def server(empty_database, tmp_path_factory, quiet_environment):
    """A store behind a server, with one champion; gives its folder and address."""
    folder = tmp_path_factory.mktemp("server")
    shutil.copyfile(empty_database, folder / "mlflow.db")
    with running_mlflow(folder, quiet_environment) as address:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("MLFLOW_TRACKING_URI", address)
            write_bundle(folder / "vae")
            gate = GateConfig({})
            register_bundle(connect(folder), folder / "vae", metrics={}, gate=gate)
        yield folder, address


@pytest.fixture
def tracker(server, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server[1])
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return connect(tmp_path)


@pytest.fixture
def root(server):
    """The folder of the version at the server, which is put back as it was."""
    (found,) = (server[0] / "artifacts").rglob("registered")
    shutil.copytree(found, server[0] / "whole")
    yield found
    shutil.rmtree(found)
    (server[0] / "whole").rename(found)


def test_a_download_is_kept_under_its_digest(tracker, tmp_path):
    found = resolve(tracker, "vae")
    assert found.path == tmp_path / "cache" / "mrigen" / "bundles" / found.digest
    assert bundle_digest(found.path) == found.digest == found.load().digest
    assert resolve(tracker, "vae").path == found.path


@pytest.mark.parametrize("name", ["weights.safetensors", "config.json", "card.json"])
def test_a_cache_that_somebody_changed_is_mended(tracker, name):
    found = resolve(tracker, "vae")
    content = (found.path / name).read_bytes()
    change_byte(found.path / name)
    again = resolve(tracker, "vae")
    assert again.load().card == {"model": "vae"}
    assert (again.path / name).read_bytes() == content


def test_weights_that_are_in_the_cache_are_not_fetched_again(tracker, root):
    found = resolve(tracker, "vae")
    weights = root / BUNDLE / "weights.safetensors"
    weights.write_bytes(bytes(len(weights.read_bytes())))
    assert resolve(tracker, "vae").load().digest == found.digest


@pytest.mark.parametrize("place", ["a file", "read-only"])
def test_without_a_cache_a_temporary_folder_lasts_as_long_as_the_bundle(
    tracker, tmp_path, monkeypatch, place
):
    blocked = tmp_path / "blocked"
    blocked.write_text("")
    home = blocked if place == "a file" else "/proc"
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))
    found = resolve(tracker, "vae")
    path = found.path
    assert found.load().digest == found.digest
    del found
    gc.collect()
    assert not path.exists()


@pytest.mark.parametrize(
    "kind",
    ["weights", "configuration", "card", "code", "pickle", "another flavour", "a large card"],
)
def test_what_a_server_sends_is_checked_and_not_kept(tracker, root, tmp_path, kind):
    spoil, sentence = SPOILT[kind]
    spoil(root)
    with pytest.raises(RegistryError, match=sentence.replace("version 2", "version 1")):
        resolve(tracker, "vae")
    kept = tmp_path / "cache" / "mrigen" / "bundles"
    assert not kept.exists() or list(kept.iterdir()) == []


@pytest.mark.parametrize(
    "source",
    ["http://127.0.0.2:1/model", "mlflow-artifacts://127.0.0.2/model", "ftp://127.0.0.1/model",
     "models:/vae/1", "runs:/0/model", "dbfs:/model"],
)  # fmt: skip
def test_files_at_another_host_are_not_asked_for(tracker, source):
    version = replace(find_version(tracker, "vae"), source=source)
    with pytest.raises(RegistryError, match="expected the store's own server or object storage"):
        fetch(tracker, version)


@pytest.mark.parametrize(
    "source",
    [
        r"http://evil.example\@{own}/api/2.0/mlflow-artifacts/artifacts/1",
        r"mlflow-artifacts://evil.example\@{own}/1",
        "http://user:password@{own}/api/2.0/mlflow-artifacts/artifacts/1",
        "http://{host}:1/api/2.0/mlflow-artifacts/artifacts/1",
        "https://{own}/api/2.0/mlflow-artifacts/artifacts/1",
        "http:///evil.example/1",
        "mlflow-artifacts://{host}:1/1",
        "http://{host}\t:{port}/1",
        "r2://bucket@evil.example/1",
        "s3://bucket@evil.example/1",
        "abfss://box@account.evil.example/1",
        r"wasbs://box@127.0.0.1:1\.blob.core.windows.net/1",
    ],
)
def test_addresses_that_could_be_read_in_two_ways_are_not_asked_for(tracker, server, source):
    own = urlsplit(server[1])
    source = source.format(own=own.netloc, host=own.hostname, port=own.port)
    version = replace(find_version(tracker, "vae"), source=source)
    with pytest.raises(RegistryError, match="expected the store's own server or object storage"):
        fetch(tracker, version)


def test_the_address_of_the_own_server_may_be_written_out(tracker, server):
    version = find_version(tracker, "vae")
    path = version.source.removeprefix("mlflow-artifacts:")
    for source in (
        f"mlflow-artifacts://{urlsplit(server[1]).netloc}{path}",
        f"{server[1]}/api/2.0/mlflow-artifacts/artifacts{path}",
    ):
        assert fetch(tracker, replace(version, source=source)).digest == version.digest


@pytest.mark.parametrize("source", ["s3://bucket/1", "{server}/elsewhere", "http://[1"])
def test_an_address_that_mlflow_stumbles_over_is_the_fault_of_its_version(tracker, server, source):
    version = replace(find_version(tracker, "vae"), source=source.format(server=server[1]))
    with pytest.raises(RegistryError, match=r"model 'vae' version 1 cannot be fetched \("):
        fetch(tracker, version)


def test_folders_that_mrigen_does_not_write_are_not_looked_into(tracker, server):
    version = replace(find_version(tracker, "vae"), source="mlflow-artifacts:/")
    with pytest.raises(RegistryError, match="which mrigen does not write"):
        fetch(tracker, version)
