"""Speed and cost: what is measured, what is extrapolated, what is written and what is refused."""

import csv
import json
import re

import pytest
import torch
import yaml
from click.testing import CliRunner

from mrigen.cli import main
from mrigen.errors import ConfigError, DataError, ModelError
from mrigen.project import load_project
from mrigen.stages import bench as bench_stage
from mrigen.stages import bench_device, bench_timing
from mrigen.stages.bench import bench, present_devices
from mrigen.stages.bench_device import BenchTask, measure_device
from mrigen.stages.bench_table import bench_table, duration
from mrigen.stages.own_process import KilledError
from mrigen.tracking.tracker import connect
from mrigen.training.timing import Pace
from phantoms import slice_store
from small_models import MODELS

SIZE = 16
TRAINED = {"train_images_per_second", "train_step_ms", "constant_batch_images_per_second"}


def make_project(root, *models, cut=True, **training):
    section = {"dataset": "discs", "evaluation": {}, "gate": {}}
    values = {
        "sources": {"phantoms": {"layout": "ixi", "path": "data"}},
        "datasets": {"discs": {"source": "phantoms", "size": SIZE}},
        "models": {
            model: section
            | {
                "network": MODELS[model][0],
                "objective": MODELS[model][1],
                "corruption": [{"name": "line_patch"}] if model == "unet" else None,
                "training": {"epochs": 3, "batch_size": 4} | training,
            }
            for model in models
        },
    }
    root.mkdir(parents=True, exist_ok=True)
    (root / "params.yaml").write_text(yaml.safe_dump(values))
    project = load_project(root)
    if cut:
        slice_store(project.processed("discs"), size=SIZE)
    return project


def task(project, model, steps=2, device="cpu", **choices):
    return BenchTask(project, model, project.model_config(model), device, choices, steps, 1)


def in_this_process(monkeypatch):
    monkeypatch.setattr(
        bench_stage, "answer_from_own_process", lambda function, task: function(task)
    )


@pytest.mark.parametrize(
    ("model", "answers"),
    [
        ("vae", {"sample", "restore"}),
        ("vae_mixture", {"sample", "restore"}),
        ("vqvae", {"restore"}),
        ("vqvae_prior", {"sample", "restore"}),
        ("gan7", {"sample"}),
        ("gan_penalty", {"sample"}),
        ("unet", {"restore"}),
        ("skip_cae", {"restore"}),
    ],
)
def test_every_kind_of_network_is_timed(model, answers, tmp_path):
    found = measure_device(task(make_project(tmp_path, model), model))
    speeds = {name for name in found.measured if name.endswith("_images_per_second")}
    assert speeds == {f"{kind}_images_per_second" for kind in ("train", "constant_batch", *answers)}
    assert found.measured.keys() >= TRAINED
    assert all(value > 0 for value in (found.measured | found.extrapolated).values())
    assert not (tmp_path / "models").exists()
    assert not (tmp_path / "checkpoints").exists()


def paces(monkeypatch, *seconds):
    left = list(seconds)
    asked = []

    def timed(call, **words):
        call()
        asked.append(words)
        each = left.pop(0)
        return Pace(each, each / 2, each * 2)

    monkeypatch.setattr(bench_timing, "time_calls", timed)
    return asked


def test_an_epoch_is_its_steps_and_its_validation(tmp_path, monkeypatch):
    project = make_project(tmp_path, "unet")
    asked = paces(monkeypatch, 0.5, 0.25, 0.8, 0.1)
    found = measure_device(task(project, "unet", steps=7))
    # 8 subjects of 4 slices: 6 in training, 1 in validation; one batch of 4 is all of it.
    assert (found.slices, found.steps_per_epoch, found.epochs) == (24, 6, 3)
    assert found.measured["train_images_per_second"] == pytest.approx(4 / 0.5)
    assert found.measured["train_step_ms"] == pytest.approx(500)
    assert found.measured["train_step_ms_fastest"] == pytest.approx(250)
    assert found.measured["train_step_ms_slowest"] == pytest.approx(1000)
    assert found.measured["constant_batch_images_per_second"] == pytest.approx(4 / 0.25)
    assert found.measured["restore_images_per_second"] == pytest.approx(32 / 0.1)
    assert found.extrapolated["seconds_per_epoch"] == pytest.approx(6 * 0.5 + 0.8)
    assert found.extrapolated["seconds_of_training"] == pytest.approx(3 * (6 * 0.5 + 0.8))
    assert asked[0]["windows"] * asked[0]["calls"] == found.steps_timed == 10


def test_parts_of_a_training_weigh_as_long_as_they_last(tmp_path, monkeypatch):
    project = make_project(tmp_path, "vqvae_prior", epochs=5)
    paces(monkeypatch, 0.5, 0.1, 0.5, 0.1, 0.8, 0.1, 0.1)
    found = measure_device(task(project, "vqvae_prior"))
    # 30 steps, in the last 9 of which only the prior learns.
    assert found.measured["train_step_ms"] == pytest.approx(1000 * (21 * 0.5 + 9 * 0.1) / 30)


def test_windows_hold_whole_rounds_of_phases(tmp_path, monkeypatch):
    project = make_project(tmp_path, "gan_penalty")  # two steps of the critic for one
    asked = paces(monkeypatch, *[0.1] * 4)
    measure_device(task(project, "gan_penalty", steps=5))
    assert asked[0]["calls"] % 2 == 0


def test_energy_is_power_times_time(tmp_path, monkeypatch):
    class Counter:
        source, interval_s = "a made-up counter", 60.0
        reads = iter([10.0, 40.0])

        def joules(self):
            return next(self.reads)

    project = make_project(tmp_path, "gan7")
    paces(monkeypatch, 0.5, 0.5, 0.1, 0.1)
    clock = iter([100.0, 102.0])
    monkeypatch.setattr(bench_device.time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(bench_device, "find_counter", lambda _: Counter())
    found = measure_device(task(project, "gan7"))
    assert found.energy == "a made-up counter"
    assert found.measured["watts"] == pytest.approx(15)
    assert found.measured["joules_per_image"] == pytest.approx(15 * 0.5 / 4)
    seconds = found.extrapolated["seconds_of_training"]
    assert found.extrapolated["kilowatt_hours_of_training"] == pytest.approx(15 * seconds / 3.6e6)


def test_a_measurement_in_its_own_process_leaves_files_and_a_run(store):
    project = make_project(store, "unet")
    found = bench(project, "unet", devices=["cpu", "cpu"], steps=2, batch_size=3)
    (figures,) = found.devices
    assert figures.batch_size == 3
    assert figures.threads == 1
    values = json.loads((store / "bench" / "unet.json").read_text())
    assert values["devices"][0]["measured"] == figures.measured
    with (store / "bench" / "unet.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert float(row["seconds_per_epoch"]) == figures.extrapolated["seconds_per_epoch"]
    assert row["chip"] == figures.chip
    run = connect(store).find_run({"mrigen.kind": "bench", "mrigen.model": "unet"})
    assert run is not None
    assert run.tags["mrigen.dataset"] == "discs"
    assert run.params["bench.cpu.chip"] == figures.chip
    assert run.params["training.batch_size"] == "3"
    speed = run.metrics["bench/cpu/train_images_per_second"]
    assert speed == pytest.approx(figures.measured["train_images_per_second"])
    assert run.metrics["bench/cpu/seconds_per_epoch"] > 0
    assert list((store / "mlartifacts").rglob("bench/unet.csv"))


def test_command_prints_the_table_and_names_what_is_not_there(store, monkeypatch):
    make_project(store, "vae")
    in_this_process(monkeypatch)
    words = ["-q", "-C", str(store), "bench", "vae", "--devices", "cpu, cuda:7", "--steps", "1"]
    answer = CliRunner().invoke(main, words)
    assert answer.exit_code == 0, answer.output
    for row in ("training, images/s", "sampling, images/s", "restoring, images/s", "most memory"):
        assert row in answer.stdout
    assert re.search(r"\* extrapolated from 1 of 6 steps", answer.stdout)
    assert "not readable here" in answer.stdout or " J, " in answer.stdout
    assert answer.stderr.count("\n") == 1
    assert answer.stderr.startswith("mrigen: device 'cuda:7' cannot be used here")


def test_without_any_device_it_is_a_mistake(store, monkeypatch):
    make_project(store, "vae")
    in_this_process(monkeypatch)
    words = ["-q", "-C", str(store), "bench", "vae", "--devices", "cuda:7,quantum"]
    answer = CliRunner().invoke(main, words)
    assert answer.exit_code == 2
    assert answer.stderr.count("\n") == 1
    assert "device 'quantum' is not known" in answer.stderr
    assert not (store / "bench").exists()


def test_data_that_is_not_cut_is_told_with_what_to_run(store):
    project = make_project(store, "vae", cut=False)
    with pytest.raises(DataError, match="run 'mrigen slices discs' first"):
        bench(project, "vae")


def test_a_model_that_is_not_there_is_told(store):
    with pytest.raises(ConfigError, match="model 'none' is not in params"):
        bench(make_project(store, "vae"), "none")


def test_memory_that_runs_out_is_told_as_such(store, monkeypatch):
    project = make_project(store, "vae")

    def fail(*_):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(bench_device, "_measure", fail)
    with pytest.raises(ModelError, match="too little memory for 'vae' with batches of 4"):
        measure_device(task(project, "vae"))


def test_a_killed_measurement_does_not_lose_the_others(store, monkeypatch):
    def answer(function, task):
        if task.device == "cuda":
            raise KilledError("its process was ended by SIGKILL")
        return function(task)

    monkeypatch.setattr(bench_stage, "answer_from_own_process", answer)
    found = bench(make_project(store, "gan7"), "gan7", devices=["cuda", "cpu"], steps=1)
    assert [figures.device for figures in found.devices] == ["cpu"]
    words = "device 'cuda': its process was ended by SIGKILL; use a smaller --batch-size."
    assert found.left_out == {"cuda": words}


def test_devices_are_the_processor_and_every_gpu(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    for count, names in ((0, []), (1, ["cuda"]), (2, ["cuda:0", "cuda:1"])):
        monkeypatch.setattr(torch.cuda, "device_count", lambda count=count: count)
        assert present_devices() == ["cpu", *names]


def test_durations_are_told_as_people_do():
    assert [duration(s) for s in (0.25, 59.96, 61, 3599.9, 86_400)] == [
        "0.25 s", "1 min 0 s", "1 min 1 s", "1 h 0 min", "1 d 0 h",
    ]  # fmt: skip


def test_table_leaves_out_what_no_device_does(tmp_path):
    project = make_project(tmp_path, "unet")
    table = bench_table([measure_device(task(project, "unet"))])
    names = [str(cell) for cell in table.columns[0].cells]
    assert "restoring, images/s" in names
    assert "sampling, images/s" not in names
