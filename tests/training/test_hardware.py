"""Energy from a made-up /sys, from power over time, and a process's own peak of memory."""

import subprocess
import time
from types import SimpleNamespace

import pytest
import torch

from mrigen.training import hardware
from mrigen.training.hardware import (
    EnergyMeter,
    NvmlCounter,
    PowerIntegral,
    RaplCounter,
    find_counter,
)

CPU, GPU = torch.device("cpu"), torch.device("cuda")
RANGE_UJ = 65_532_610_987


def zone(folder, name, label, microjoules):
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    (place / "name").write_text(f"{label}\n")
    (place / "energy_uj").write_text(f"{microjoules}\n")
    (place / "max_energy_range_uj").write_text(f"{RANGE_UJ}\n")
    return place


def test_energy_is_that_of_all_packages_and_counts_nothing_twice(tmp_path):
    zone(tmp_path, "intel-rapl:0", "package-0", 5_000_000)
    zone(tmp_path, "intel-rapl:1", "package-1", 7_000_000)
    zone(tmp_path, "intel-rapl:0:0", "core", 1)
    zone(tmp_path, "intel-rapl:2", "psys", 1)
    counter = RaplCounter(tmp_path)
    assert counter.joules() == 0
    zone(tmp_path, "intel-rapl:0", "package-0", 6_500_000)
    zone(tmp_path, "intel-rapl:1", "package-1", 9_000_000)
    zone(tmp_path, "intel-rapl:0:0", "core", 1_000_000)
    zone(tmp_path, "intel-rapl:2", "psys", 9_000_000)
    assert counter.joules() == pytest.approx(3.5)


def test_a_count_that_began_anew_is_carried_on(tmp_path):
    zone(tmp_path, "intel-rapl:0", "package-0", RANGE_UJ - 1_000_000)
    counter = RaplCounter(tmp_path)
    zone(tmp_path, "intel-rapl:0", "package-0", 2_000_000)
    assert counter.joules() == pytest.approx(3)
    zone(tmp_path, "intel-rapl:0", "package-0", 2_500_000)
    assert counter.joules() == pytest.approx(3.5)


def test_without_packages_nothing_is_readable(tmp_path):
    assert find_counter(CPU, tmp_path) is None
    zone(tmp_path, "intel-rapl:0", "psys", 1)
    assert find_counter(CPU, tmp_path) is None
    assert find_counter(torch.device("mps"), tmp_path) is None


def test_a_file_that_may_not_be_read_is_not_readable(tmp_path):
    place = zone(tmp_path, "intel-rapl:0", "package-0", 1)
    (place / "energy_uj").unlink()
    (place / "energy_uj").mkdir()  # root may read every file, but no folder
    assert find_counter(CPU, tmp_path) is None


def test_meter_counts_what_was_spent_inside(tmp_path):
    zone(tmp_path, "intel-rapl:0", "package-0", 1_000_000)
    counter = find_counter(CPU, tmp_path)
    assert counter is not None
    zone(tmp_path, "intel-rapl:0", "package-0", 4_000_000)
    with EnergyMeter(counter) as meter:
        zone(tmp_path, "intel-rapl:0", "package-0", 4_250_000)
    assert meter.joules == pytest.approx(0.25)


def test_meter_reads_between_the_ends_so_that_no_turn_is_missed(tmp_path):
    zone(tmp_path, "intel-rapl:0", "package-0", 0)
    counter = RaplCounter(tmp_path)
    counter.interval_s = 0.01
    reads = []
    plain = counter.joules
    counter.joules = lambda: reads.append(1) or plain()
    with EnergyMeter(counter):
        end = time.monotonic() + 5
        while len(reads) < 4 and time.monotonic() < end:
            time.sleep(0.01)
    assert len(reads) > 4


def test_meter_without_a_counter_or_with_one_that_fails_says_nothing(tmp_path):
    with EnergyMeter(None) as meter:
        pass
    assert meter.joules is None
    place = zone(tmp_path, "intel-rapl:0", "package-0", 0)
    with EnergyMeter(RaplCounter(tmp_path)) as broken:
        (place / "energy_uj").unlink()
    assert broken.joules is None


def test_meter_adds_up_what_was_spent_before_an_interruption(tmp_path):
    zone(tmp_path, "intel-rapl:0", "package-0", 0)
    with EnergyMeter(RaplCounter(tmp_path), before=10.0) as meter:
        zone(tmp_path, "intel-rapl:0", "package-0", 2_000_000)
        assert meter.so_far() == pytest.approx(12)
        zone(tmp_path, "intel-rapl:0", "package-0", 3_000_000)
    assert meter.joules == pytest.approx(13)
    with EnergyMeter(RaplCounter(tmp_path), before=None) as meter:
        assert meter.so_far() is None
    assert meter.joules is None
    with EnergyMeter(None) as meter:
        assert meter.so_far() is None
    assert meter.source == "not readable here"


class NvmlError(Exception):
    pass


def handle_of(board):
    if board != "GPU-1":
        raise NvmlError("Not Found")
    return board


NVML = SimpleNamespace(
    NVMLError=NvmlError,
    nvmlInit=lambda: None,
    nvmlDeviceGetHandleByUUID=handle_of,
    nvmlDeviceGetTotalEnergyConsumption=lambda _: 1_500,
)


def test_nvml_counts_millijoules_of_the_named_board(monkeypatch):
    monkeypatch.setattr(hardware, "import_module", lambda _: NVML)
    assert NvmlCounter("GPU-1").joules() == 1.5
    with pytest.raises(OSError, match="Not Found"):
        NvmlCounter("GPU-2")


def answers(monkeypatch, *texts):
    left = list(texts)
    asked = []

    def run(command, **_):
        asked.append(command)
        return subprocess.CompletedProcess(command, 0, left.pop(0))

    monkeypatch.setattr(hardware.subprocess, "run", run)
    return asked


def test_power_is_summed_over_time(monkeypatch):
    asked = answers(monkeypatch, "100.0\n", "200.0\n", "200.0\n")
    clock = iter([10.0, 12.0, 13.0])
    monkeypatch.setattr(hardware.time, "monotonic", lambda: next(clock))
    counter = PowerIntegral("GPU-1")
    assert counter.joules() == pytest.approx(300)  # two seconds at 150 W
    assert counter.joules() == pytest.approx(500)
    assert "--id=GPU-1" in asked[0]


def test_a_gpu_without_nvml_is_asked_through_its_program(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(name)

    properties = SimpleNamespace(uuid="1")
    monkeypatch.setattr(hardware, "import_module", missing)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: properties)
    answers(monkeypatch, "100.0\n")
    assert isinstance(find_counter(GPU), PowerIntegral)
    answers(monkeypatch, "[N/A]\n")
    assert find_counter(GPU) is None
