import subprocess
import sys
from pathlib import Path

import mlflow
import numpy as np
import pytest
import torch

from mrigen.bundle import load_bundle
from mrigen.errors import ConfigError, ModelError, RegistryError
from mrigen.models.sampling import draw_samples
from mrigen.registry.gate import GateConfig
from mrigen.registry.registration import ModelCard, register_bundle
from mrigen.registry.versions import resolve
from mrigen.tracking.tracker import connect
from small_bundles import SIZE, write_bundle

GATE = GateConfig.model_validate({"ratio": {"max": 30}})
GOOD, BAD = {"ratio": 10.0}, {"ratio": 31.0}

REGISTRAR = """
import sys
from pathlib import Path
from mrigen.registry.gate import GateConfig
from mrigen.registry.registration import ModelCard, register_bundle
from mrigen.registry.versions import resolve
from mrigen.tracking.tracker import connect
tracker = connect(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
done = register_bundle(tracker, Path(sys.argv[2]), metrics={}, gate=GateConfig({}))
print(done.version)
"""


@pytest.fixture
def tracker(store):
    return connect(store)


@pytest.fixture
def register(tracker, tmp_path):
    def run(model="vae", *, seed=0, metrics=GOOD, gate=GATE, promote=False):
        path = tmp_path / f"{model}{seed}"
        write_bundle(path, model, seed=seed)
        return register_bundle(tracker, path, metrics=metrics, gate=gate, promote=promote)

    return run


def aliases(tracker, name="vae"):
    found = tracker.client.get_registered_model(name).aliases
    return {alias: int(version) for alias, version in found.items()}


def test_the_first_that_passes_becomes_champion(tracker, register):
    assert not register(seed=0, metrics=BAD).promoted
    assert aliases(tracker) == {"candidate": 1}
    assert register(seed=1).promoted
    assert aliases(tracker) == {"candidate": 2, "champion": 2}
    later = register(seed=2)
    assert (later.version, later.promoted, later.champion) == (3, False, 2)
    assert aliases(tracker) == {"candidate": 3, "champion": 2}


def test_the_same_bundle_is_one_version(tracker, register):
    first, again = register(), register()
    assert (first.version, first.created, first.promoted) == (1, True, True)
    assert (again.version, again.created, again.promoted) == (1, False, False)
    assert len(tracker.client.search_model_versions("name='vae'")) == 1


def test_an_old_bundle_can_be_candidate_again(tracker, register):
    register(seed=0)
    register(seed=1)
    assert register(seed=0).version == 1
    assert aliases(tracker)["candidate"] == 1


def test_a_better_evaluation_opens_the_gate_for_the_same_version(tracker, register):
    assert register(metrics=BAD).champion is None
    done = register(metrics=GOOD)
    assert (done.version, done.promoted) == (1, True)
    assert tracker.client.get_model_version("vae", "1").tags["metric.ratio"] == "10"


def test_promotion_replaces_the_champion(tracker, register):
    register(seed=0)
    assert register(seed=1, promote=True).promoted
    assert aliases(tracker) == {"candidate": 2, "champion": 2}


@pytest.mark.parametrize("metrics", [BAD, {}])
def test_promotion_does_not_open_the_gate(tracker, register, metrics):
    register(seed=0)
    with pytest.raises(RegistryError, match="cannot become champion: 'ratio'"):
        register(seed=1, metrics=metrics, promote=True)
    assert aliases(tracker) == {"candidate": 2, "champion": 1}


def test_what_was_done_reads_as_a_sentence(register):
    assert str(register(seed=0)) == "'vae' is registered as version 1 and is champion now."
    assert str(register(seed=0)) == "'vae' was registered before as version 1 and stays champion."
    assert "version 1 stays champion" in str(register(seed=1))
    assert "does not become champion: 'ratio' is 31" in str(register(seed=2, metrics=BAD))


def test_the_version_belongs_to_the_run_that_trained_the_bundle(tracker, register, tmp_path):
    digest = write_bundle(tmp_path / "vae0")
    with tracker.start_run(name="vae", tags={"mrigen.bundle": digest}) as run:
        pass
    register()
    version = tracker.client.get_model_version("vae", "1")
    assert version.run_id == run.id
    assert version.tags.keys() == {"mrigen.bundle", "mrigen.files", "metric.ratio"}
    assert version.tags["mrigen.bundle"] == digest


def test_a_bundle_from_elsewhere_gets_a_run_of_its_own(tracker, register):
    register()
    run = tracker.find_run({"mrigen.model": "vae"})
    assert tracker.client.get_model_version("vae", "1").run_id == run.id
    assert run.metrics == GOOD
    assert run.params["network.latent_size"] == "8"


def test_a_card_is_kept_beside_the_files_and_renewed(tracker, tmp_path):
    path = tmp_path / "vae"
    write_bundle(path)
    for words in ("first", "second"):
        card = ModelCard("model_card.md", f"# {words}", words)
        register_bundle(tracker, path, metrics=GOOD, gate=GATE, card=card)
        version = tracker.client.get_model_version("vae", "1")
        assert version.description == words
        folder = tmp_path / words
        folder.mkdir()
        found = tracker.client.download_artifacts(
            version.run_id, "registered/model_card.md", str(folder)
        )
        assert Path(found).read_text() == f"# {words}"
    assert resolve(tracker, "vae").digest == version.tags["mrigen.bundle"]


def test_a_damaged_bundle_is_not_registered(tracker, tmp_path):
    write_bundle(tmp_path / "vae")
    (tmp_path / "vae" / "weights.safetensors").write_bytes(b"")
    with pytest.raises(ModelError):
        register_bundle(tracker, tmp_path / "vae", metrics=GOOD, gate=GATE)
    assert list(tracker.client.search_registered_models()) == []


def test_processes_that_register_the_same_bundle_make_one_version(
    tracker, store, tmp_path, quiet_environment
):
    write_bundle(tmp_path / "vae")
    command = [sys.executable, "-c", REGISTRAR, str(store), str(tmp_path / "vae")]
    pipe = subprocess.PIPE
    registrars = [
        subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=quiet_environment)
        for _ in range(2)
    ]
    for registrar in registrars:
        assert registrar.stdout.readline() == "ready\n"
    answers = [registrar.communicate("\n", timeout=120)[0] for registrar in registrars]
    assert answers == ["1\n", "1\n"]
    assert len(tracker.client.search_model_versions("name='vae'")) == 1


@pytest.fixture
def load(tracker, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracker.address.uri)
    return mlflow.pyfunc.load_model


@pytest.mark.parametrize("model", ["vae", "gan"])
def test_mlflow_alone_draws_the_same_samples(register, load, tmp_path, model):
    register(model)
    loaded = load(f"models:/{model}@champion")
    samples = loaded.predict(None, params={"num_samples": 3, "seed": 5})
    expected = draw_samples(load_bundle(tmp_path / f"{model}0").model, [5, 6, 7])
    assert samples.dtype == np.float32
    assert np.array_equal(samples, expected.numpy())
    assert loaded.predict(None).shape == (1, 1, SIZE, SIZE)


def test_mlflow_alone_asks_for_conditions_and_the_quick_mode(register, load, tmp_path):
    register("flow")
    loaded = load("models:/flow@champion")
    told = {"age": 70.0, "sex": "male"}
    net = load_bundle(tmp_path / "flow0").model
    for quick in (False, True):
        samples = loaded.predict(None, params={"seed": 5, "quick": quick, **told})
        expected = draw_samples(net, [5], {"age": 70.0, "sex": 1.0}, quick=quick)
        assert np.array_equal(samples, expected.numpy())
    assert np.array_equal(loaded.predict(None), draw_samples(net, [0]).numpy())
    with pytest.raises(ConfigError, match="condition 'age' is 170"):
        loaded.predict(None, params={"age": 170.0})


def test_a_version_has_the_metrics_of_its_evaluation(tracker, register):
    register(metrics={"ratio": 10.0, "quick_frechet_ratio": 1.25})
    for name, text in {"metric.odd": "much", "metric.endless": "inf", "other": "1"}.items():
        tracker.client.set_model_version_tag("vae", "1", name, text)
    assert resolve(tracker, "vae").metrics == {"ratio": 10.0, "quick_frechet_ratio": 1.25}


@pytest.mark.parametrize("params", [{"num_samples": 0}, {"seed": -1}])
def test_mlflow_alone_refuses_what_cannot_be_drawn(register, load, params):
    register()
    with pytest.raises(ModelError, match="expected"):
        load("models:/vae/1").predict(None, params=params)


def test_mlflow_alone_restores_images(register, load, tmp_path):
    register("unet")
    images = torch.rand(2, 1, SIZE, SIZE)
    restored = load("models:/unet@champion").predict(images.numpy())
    network = load_bundle(tmp_path / "unet0").model
    assert np.array_equal(restored, network.reconstruct(images).numpy())


def test_nothing_registered_is_pickled(register, store):
    register()
    names = {path.name for path in (store / "mlartifacts").rglob("*") if path.is_file()}
    assert names == {
        "MLmodel", "card.json", "conda.yaml", "config.json", "pyfunc_model.py",
        "python_env.yaml", "requirements.txt", "weights.safetensors",
    }  # fmt: skip
