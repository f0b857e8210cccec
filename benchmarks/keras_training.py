"""Training speed of every studied network against the same network in Keras.

Run `python benchmarks/keras_training.py --keras-python PATH`, where PATH is the Python of another
environment, with `pip install 'tensorflow-cpu>=2.17'` in it: what the extra `keras` names.
Same layers, batch, loss and optimiser on both sides, and a constant batch. The two take turns, so
that only one of them computes at a time; figures are medians over the turns, and so are ratios.
"""

import argparse
import json
import os
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from unittest.mock import patch

import torch
from studied import STUDIES, Study, make_batch, make_config, make_objective
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from mrigen.models.build import count_parameters
from mrigen.training.loop import fit, start_state
from mrigen.training.runtime import choose_runtime

QUICK = ("gan4", "vqvae", "skip_cae")

# Makes so many updates and returns the seconds they took.
Run = Callable[[int], float]


class KerasProcess:
    """The other half, which trains one network at a time and only when it is asked to."""

    def __init__(self, python: Path, threads: int) -> None:
        script = Path(__file__).with_name("keras_side.py")
        self.process = subprocess.Popen(
            [python, script, "--threads", str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": str(threads), "CUDA_VISIBLE_DEVICES": "-1"},
            text=True,
        )

    def ask(self, **command: object) -> dict[str, float]:
        """Send a command and wait for the answer."""
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"the Keras side ended with code {self.process.wait()}")
        return json.loads(answer)

    def run(self, form: str, clock: str) -> Run:
        """Return what trains the form that was built."""
        return lambda steps: self.ask(form=form, steps=steps)[clock]


@contextmanager
def keras_process(python: Path, threads: int) -> Iterator[KerasProcess]:
    keras = KerasProcess(python, threads)
    try:
        yield keras
    finally:
        keras.process.stdin.close()
        keras.process.wait()


def mrigen_run(study: Study, form: str, clock: Callable[[], float]) -> Run:
    """Train as `mrigen train` does; `form` is the precision, with "+compile" after it or not."""
    precision, _, compiled = form.partition("+")
    runtime = choose_runtime(device="cpu", precision=precision, compiled=bool(compiled))
    config = make_config(study)
    state = start_state(make_objective(study), config, runtime)
    loop = fit(state, cycle([make_batch(study)]), config, steps_per_epoch=100, runtime=runtime)

    def run(steps: int) -> float:
        start = clock()
        for _ in range(steps):
            next(loop)
        return clock() - start

    return run


class FlopCounter(TorchDispatchMode):
    """Torch's own counter without its look at modules, which some gradients cannot bear."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        answer = func(*args, **(kwargs or {}))
        count = flop_registry.get(func.overloadpacket)
        if count is not None:
            self.total += count(*args, **(kwargs or {}), out_val=answer)
        return answer


def gigaflops_per_image(study: Study) -> float:
    """Count the multiplications and additions of one update.

    Those of convolutions and matrix products alone, as torch's counter does, and by the
    definition of each layer: what a quicker formulation spares still counts.
    """
    objective, batch = make_objective(study), make_batch(study._replace(batch=2))
    plain = patch("mrigen.models.subpixel.transposed_convolution", plain_transposed_convolution)
    with plain, FlopCounter() as counter:
        for phase in objective.phases:
            loss = objective.loss(phase.name, batch)["loss"]
            torch.autograd.backward(loss, inputs=phase.parameters())
    return counter.total / 1e9 / len(batch.index)


def plain_transposed_convolution(
    images: Tensor, weight: Tensor, bias: Tensor | None, stride: int, crop: int
) -> Tensor:
    answer = torch.conv_transpose2d(images, weight, bias, stride, crop)
    return answer[..., : images.shape[2] * stride, : images.shape[3] * stride]


def peak_gigaflops() -> dict[str, float]:
    """Time a large product of matrices, written as a 1 x 1 convolution.

    In float32 torch multiplies matrices by MKL, which is slow on chips that are not Intel's.
    """
    peaks = {}
    for form, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        images = torch.rand(16, 1024, 16, 16, dtype=dtype).to(memory_format=torch.channels_last)
        kernel = torch.rand(1024, 1024, 1, 1, dtype=dtype)
        seconds = []
        for _ in range(20):
            start = time.perf_counter()
            torch.conv2d(images, kernel)
            seconds.append(time.perf_counter() - start)
        peaks[form] = 2 * 4096 * 1024**2 / min(seconds) / 1e9
    return peaks


def take_turns(runs: dict[str, Run], turns: int, seconds: float) -> dict[str, list[float]]:
    """Return each one's updates per second, turn by turn."""
    steps = {}
    for name, run in runs.items():
        run(2)
        steps[name] = max(1, round(2 * seconds / run(2)))
    speeds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(turns):
        for name, run in runs.items():
            speeds[name].append(steps[name] / run(steps[name]))
    return speeds


def measure(name: str, arguments: argparse.Namespace) -> dict[str, list[float]]:
    study = STUDIES[name]
    with keras_process(arguments.keras_python, torch.get_num_threads()) as keras:
        runs: dict[str, Run] = {}
        for form in arguments.keras_forms:
            answer = keras.ask(
                build=name,
                form=form,
                batch=study.batch,
                optimizer=study.optimizer,
                learning_rate=study.learning_rate,
            )
            _, expected = count_parameters(make_objective(study).network)
            if answer["parameters"] != expected:
                raise SystemExit(f"{name}: {answer['parameters']} values in Keras, not {expected}")
            runs[f"keras {form}"] = keras.run(form, arguments.clock)
        for form in arguments.forms:
            runs[f"mrigen {form}"] = mrigen_run(study, form, getattr(time, arguments.clock))
        return take_turns(runs, arguments.turns, arguments.seconds)


def ratio(ours: list[float], theirs: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def row(name: str, flops: float, speeds: dict[str, list[float]], peaks: dict[str, float]) -> str:
    study = STUDIES[name]
    cells = [name, str(study.batch), f"{flops:.2f}"]
    baseline = next(iter(speeds.values()))
    for form, values in speeds.items():
        images = study.batch * statistics.median(values)
        cell = f"{images:.1f}"
        if form.startswith("mrigen"):
            peak = peaks[form.split()[1].partition("+")[0]]
            cell += f" ({images * flops / peak:.0%}) | {ratio(values, baseline):.2f}"
        cells.append(cell)
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--keras-python", type=Path, required=True)
    parser.add_argument("--only", nargs="+", choices=STUDIES, default=list(STUDIES))
    parser.add_argument("--quick", action="store_true", help="three small networks")
    parser.add_argument("--forms", nargs="+", default=["fp32", "bf16"], help="of mrigen")
    parser.add_argument(
        "--keras-forms",
        nargs="+",
        choices=["fp32", "xla", "bf16"],
        default=["fp32"],
        help="the first is what ratios are taken of",
    )
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.0, help="of one turn")
    parser.add_argument(
        "--clock",
        choices=["perf_counter", "process_time"],
        default="perf_counter",
        help="process_time where others use the machine too, with OMP_NUM_THREADS=1",
    )
    arguments = parser.parse_args()

    peaks = peak_gigaflops()
    print(f"{torch.get_num_threads()} threads; a matrix product reaches", end=" ")
    print(", ".join(f"{value:.0f} GFLOP/s in {form}" for form, value in peaks.items()), end="\n\n")
    columns = ["network", "batch", "GFLOP per image"]
    columns += [f"Keras {form}" for form in arguments.keras_forms]
    for form in arguments.forms:
        columns += [f"mrigen {form} (of peak)", "ratio"]
    print("Images per second:\n")
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for name in QUICK if arguments.quick else arguments.only:
        flops = gigaflops_per_image(STUDIES[name])
        print(row(name, flops, measure(name, arguments), peaks), flush=True)


if __name__ == "__main__":
    main()
