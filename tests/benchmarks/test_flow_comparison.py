import json
import sys
from dataclasses import replace

import flow_comparison
import flow_judging
import flow_latent
import numpy as np
import pytest
import torch
import yaml
from flow_budget import Budget
from flow_judging import judge
from flow_latent_network import Autoencoder, Latents
from flow_results import Result, Results, identity_of
from flow_training import Bench, drawing

import tiny_project
from judged_cases import pixels
from mrigen.bundle import load_bundle
from mrigen.config import parse_config
from mrigen.data.loader import TEST
from mrigen.data.store.slice_store import SliceStore
from mrigen.models.build import count_parameters
from mrigen.models.flow.config import FlowConfig
from mrigen.models.flow.velocity_unet import VelocityUNet
from mrigen.training.runtime import choose_runtime

FLOW = {
    "network": {
        "name": "flow",
        "base_channels": 16,
        "depth": 1,
        "sampling": {"steps": 2, "quick_steps": 1},
    },
    "objective": {"name": "flow_matching"},
    "training": {"ema_decay": None},
}


@pytest.fixture(autouse=True)
def _pixels_for_features(monkeypatch):
    """The slow network is not needed to compare."""
    monkeypatch.setattr(flow_judging, "_extractor", lambda _: pixels(tiny_project.SIZE))


def test_test_slices_themselves_could_not_be_better(project, tmp_path):
    store = SliceStore(project.processed("heads"))
    runtime, budget = choose_runtime(device="cpu"), Budget(1, "wall", 1)
    bench = Bench(replace(project, root=tmp_path), store, runtime, budget, 0)
    found = judge(bench, store.read(store.positions(TEST))[:, None])
    assert found["frechet_distance"].value == pytest.approx(0, abs=1e-3)
    assert found["recall"].value == found["coverage"].value == 1
    assert found["frechet_floor"].value > 0.1


def test_what_was_trained_is_judged_and_not_trained_again(project, tmp_path, monkeypatch, capsys):
    (tmp_path / "flow.yaml").write_text(yaml.safe_dump(FLOW))
    out = tmp_path / "out"
    words = [str(project.root), str(out), "--seconds", "0.01", "--cores", "1", "--images", "24"]
    words += ["--flow", str(tmp_path / "flow.yaml"), "--only", "flow"]
    monkeypatch.setattr(sys, "argv", ["flow_comparison.py", *words])
    flow_comparison.main()
    first = (out / "flow.json").read_bytes()
    assert "| flow, quick |" in capsys.readouterr().out
    flow_comparison.main()
    assert (out / "flow.json").read_bytes() == first
    written = json.loads((out / "comparison.json").read_text())
    assert written["contenders"].keys() == {"flow", "flow, quick"}
    assert (out / "samples.png").exists()
    bundle = load_bundle(out / "models" / "flow" / "bundle")
    weights = sum(weight.numel() for weight in bundle.model.parameters())
    assert written["contenders"]["flow"]["parameters"] == weights
    store = SliceStore(project.processed("heads"))
    bench = Bench(replace(project, root=out), store, choose_runtime(), Budget(1, "wall", 1), 0)
    np.testing.assert_array_equal(drawing(bench, bundle.model)(24), np.load(out / "flow.npy"))
    monkeypatch.setattr(sys, "argv", ["flow_comparison.py", *words, "--anew"])
    flow_comparison.main()
    assert (out / "flow.json").read_bytes() != first


def test_flow_over_latents_trains_and_draws_in_its_place(project, tmp_path, monkeypatch):
    told = {"conditions": {"position_mm": [-100, 100]}, "autoguidance": {}}
    (tmp_path / "flow.yaml").write_text(
        yaml.safe_dump(
            {**FLOW, "network": {**FLOW["network"], **told}, "training": {"ema_half_lives": [0.1]}}
        )
    )
    monkeypatch.setitem(flow_latent.RECIPE, "width", 8)
    out = tmp_path / "out"
    words = [str(project.root), str(out), "--seconds", "0.01", "--cores", "1", "--images", "24"]
    words += ["--flow", str(tmp_path / "flow.yaml"), "--only", "latent_flow"]
    monkeypatch.setattr(sys, "argv", ["flow_comparison.py", *words])
    flow_comparison.main()
    written = json.loads((out / "comparison.json").read_text())["contenders"]
    assert written.keys() == {"latent_flow", "latent_flow, quick"}
    assert written["latent_flow"]["details"].keys() > {"autoencoder_images", "flow_images"}
    assert written["latent_flow"]["failure"] is None
    config = parse_config(FlowConfig, {**FLOW["network"], **told}, source="here")
    learnt = [Autoencoder(4, 8), VelocityUNet(4, config)]
    assert written["latent_flow"]["parameters"] == sum(count_parameters(one)[0] for one in learnt)
    assert written["latent_flow"]["recipe"]["flow"]["network"]["base_channels"] == 16


def test_whitened_latents_are_uncorrelated_and_find_back_to_images():
    torch.manual_seed(0)
    images = torch.rand(64, 1, 16, 16)
    autoencoder = Autoencoder(channels=4, width=8)
    autoencoder.encoder[-1].bias.data[4:] = -20  # latents without noise
    latents = Latents(autoencoder, iter(images.split(32)))
    whitened = latents(images)
    columns = whitened.transpose(0, 1).flatten(1)
    torch.testing.assert_close(columns.cov(), torch.eye(4), atol=0.01, rtol=0)
    torch.testing.assert_close(columns.mean(1), torch.zeros(4), atol=0.01, rtol=0)
    answered = autoencoder.decoder(autoencoder.encode(images)[0])
    torch.testing.assert_close(latents.inverse(whitened), answered, atol=1e-2, rtol=0)


def test_what_lies_there_is_shown_or_said_to_be_left_out(project, tmp_path, monkeypatch, capsys):
    out, entries = tmp_path / "out", tmp_path / "flow.yaml"
    words = ["flow_comparison.py", str(project.root), str(out), "--seconds", "0.01", "--cores", "1"]
    words += ["--images", "24", "--flow", str(entries), "--only"]
    entries.write_text(yaml.safe_dump({"wide": FLOW}))
    monkeypatch.setattr(sys, "argv", [*words, "wide"])
    flow_comparison.main()
    written = json.loads((out / "wide.json").read_text())
    written["protocol"]["device"] = "another chip"
    (out / "strange.json").write_text(json.dumps(written))
    entries.write_text(yaml.safe_dump(FLOW))
    monkeypatch.setattr(sys, "argv", [*words, "flow"])
    capsys.readouterr()
    flow_comparison.main()
    said = capsys.readouterr().out
    assert "| wide |" in said
    assert "strange is left out: its result is of another 'device'." in said
    assert "| strange" not in said


def test_images_of_people_stay_out_of_the_repository(project, monkeypatch):
    inside = flow_comparison.REPOSITORY / "out"
    monkeypatch.setattr(sys, "argv", ["flow_comparison.py", str(project.root), str(inside)])
    with pytest.raises(SystemExit, match="outside"):
        flow_comparison.main()
    assert not inside.exists()


def test_an_unknown_contender_is_told_before_anything_is_trained(project, tmp_path, monkeypatch):
    words = [str(project.root), str(tmp_path / "out"), "--cores", "1", "--only", "vae", "gan5"]
    monkeypatch.setattr(sys, "argv", ["flow_comparison.py", *words])
    with pytest.raises(SystemExit, match="no contender 'gan5'"):
        flow_comparison.main()
    assert not (tmp_path / "out" / "vae.json").exists()


def test_a_result_belongs_to_one_protocol_and_one_recipe():
    same = identity_of({"a": 1, "b": 2}, {"width": 8})
    assert identity_of({"b": 2, "a": 1}, {"width": 8}) == same
    assert identity_of({"a": 1, "b": 3}, {"width": 8}) != same
    assert identity_of({"a": 1, "b": 2}, {"width": 9}) != same


def test_results_come_back_as_they_were_kept(tmp_path):
    store = Results(tmp_path / "out")
    result = Result("vae", "id", {"seed": 0}, {"recipe": 1}, "abc", images=32)
    drawn = np.arange(32, dtype=np.uint8).reshape(2, 1, 4, 4)
    store.keep(result, {"": drawn, "quick": drawn[::-1]})
    assert store.find("vae") == result
    assert store.find("gan4") is None
    assert store.names() == ["vae"]
    assert (store.images("vae", "") == drawn).all()
    assert (store.images("vae", "quick") == drawn[::-1]).all()
