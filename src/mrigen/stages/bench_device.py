"""How fast one device trains a model of `params.yaml`, and answers with it."""

import itertools
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from mrigen.data.loader import TRAIN
from mrigen.data.store.slice_store import SliceStore
from mrigen.errors import ModelError
from mrigen.model_config import ModelConfig
from mrigen.project import Project
from mrigen.stages.bench_timing import (
    TimedTraining,
    answer_speeds,
    validation_seconds,
)
from mrigen.stages.training_job import TrainingJob
from mrigen.training.hardware import EnergyMeter, find_counter
from mrigen.training.runtime import choose_runtime
from mrigen.training.timing import Pace, peak_memory_gib


@dataclass(frozen=True)
class BenchTask:
    """What is measured, and where.

    Attributes
    ----------
    project, model, config
        A model's section; its batch size may differ from `params.yaml`.
    device
        A torch device by its name.
    choices
        What else `choose_runtime` takes.
    steps
        Updates to time in each part of the training.
    threads
        Of torch on the processor.
    """

    project: Project
    model: str
    config: ModelConfig
    device: str
    choices: Mapping[str, Any]
    steps: int
    threads: int


@dataclass(frozen=True)
class DeviceFigures:
    """Speed and cost of a model on one device.

    Attributes
    ----------
    device, chip, threads, torch_version, precision, workers
        The hardware and how it was used.
    batch_size, slices, epochs, steps_per_epoch
        Of the training; slices of its training split.
    steps_timed
        In each part of the training.
    memory, energy
        What the peak is of, and where joules were counted.
    measured, extrapolated
        Numbers by name; what cannot be read here is not there.
    """

    device: str
    chip: str
    threads: int
    torch_version: str
    precision: str
    workers: int
    batch_size: int
    slices: int
    epochs: int
    steps_per_epoch: int
    steps_timed: int
    memory: str
    energy: str
    measured: dict[str, float]
    extrapolated: dict[str, float]


def measure_device(task: BenchTask) -> DeviceFigures:
    """Train for some steps and answer some requests, and time both.

    Raises
    ------
    MrigenError
        If the device, the network or the data cannot be used, or memory runs out.
    """
    torch.set_num_threads(task.threads)
    runtime = choose_runtime(device=task.device, **task.choices)
    store = SliceStore(task.project.processed(task.config.dataset))
    job = TrainingJob(task.project, task.model, task.config, store, runtime)
    try:
        return _measure(job, task)
    except RuntimeError as error:
        if not _is_out_of_memory(error):
            raise
        raise ModelError(
            f"device '{task.device}' has too little memory for '{task.model}' with batches of "
            f"{task.config.training.batch_size}: use a smaller --batch-size."
        ) from None


def _measure(job: TrainingJob, task: BenchTask) -> DeviceFigures:
    runtime, training = job.runtime, task.config.training
    state = job.prepare()
    timed = TimedTraining(job, state, task.steps)
    batches = job.training_batches()
    counter = find_counter(runtime.device)
    start = time.perf_counter()
    with EnergyMeter(counter) as meter:
        pace = timed.pace(batches)
    seconds = time.perf_counter() - start
    peak = peak_memory_gib(runtime.device)
    constant = timed.pace(itertools.repeat(next(batches)))
    validation = validation_seconds(job, state)
    size, steps = training.batch_size, job.steps_per_epoch()
    measured = _step_figures(size, pace) | {
        "constant_batch_images_per_second": size / constant.median,
        "peak_memory_gib": peak,
    }
    extrapolated = {"seconds_per_epoch": steps * pace.median + validation}
    extrapolated["seconds_of_training"] = training.epochs * extrapolated["seconds_per_epoch"]
    if meter.joules is not None:
        measured["watts"] = meter.joules / seconds
        measured["joules_per_image"] = measured["watts"] * pace.median / size
        spent = measured["watts"] * extrapolated["seconds_of_training"]
        extrapolated["kilowatt_hours_of_training"] = spent / 3.6e6
    measured |= answer_speeds(job, state, task.steps)
    return DeviceFigures(
        device=task.device,
        chip=runtime.device_name,
        threads=torch.get_num_threads(),
        torch_version=str(torch.__version__),
        precision=runtime.precision,
        workers=runtime.workers,
        batch_size=size,
        slices=len(job.dataset(TRAIN)),
        epochs=training.epochs,
        steps_per_epoch=steps,
        steps_timed=timed.steps,
        memory="resident" if runtime.device.type == "cpu" else "device",
        energy="not readable here" if meter.joules is None or counter is None else counter.source,
        measured=measured,
        extrapolated=extrapolated,
    )


def _step_figures(batch_size: int, pace: Pace) -> dict[str, float]:
    return {
        "train_images_per_second": batch_size / pace.median,
        "train_step_ms": 1e3 * pace.median,
        "train_step_ms_fastest": 1e3 * pace.fastest,
        "train_step_ms_slowest": 1e3 * pace.slowest,
    }


def _is_out_of_memory(error: RuntimeError) -> bool:
    # The processor's allocator raises a plain RuntimeError.
    words = str(error)
    return isinstance(error, torch.OutOfMemoryError) or "not enough memory" in words
