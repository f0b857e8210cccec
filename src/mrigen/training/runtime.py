"""Where and how numbers are computed: chosen at the edge, never a hyper-parameter."""

import os
import platform
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from mrigen.data.resident import Residence
from mrigen.errors import ConfigError

Precision = Literal["fp32", "tf32", "bf16"]


@dataclass(frozen=True)
class Runtime:
    """Device, arithmetic and memory of one run.

    Attributes
    ----------
    device
        A torch device.
    precision
        "fp32"; "tf32" for products of 10-bit mantissas on NVIDIA's tensor cores; "bf16" for
        autocast with float32 weights.
    workers
        Processes that prepare batches; 0 prepares them in the training process.
    compiled
        Whether networks are translated to machine code before they are trained.
    resident
        Whether the training slices lie in the device's memory; "auto" where they fit.
    """

    device: torch.device
    precision: Precision = "fp32"
    workers: int = 0
    compiled: bool = False
    resident: Residence = "auto"

    def autocast(self) -> AbstractContextManager[None]:
        """Return the context in which losses are computed."""
        if self.precision != "bf16":
            return nullcontext()
        return torch.autocast(self.device.type, dtype=torch.bfloat16)

    @property
    def arithmetic(self) -> list[object]:
        """What decides the bytes of the weights: a checkpoint belongs to one arithmetic."""
        return [self.device.type, self.precision, self.compiled, torch.__version__]

    @property
    def device_name(self) -> str:
        """The name of the chip, as its maker gives it."""
        if self.device.type == "cuda":
            return torch.cuda.get_device_name(self.device)
        return _processor_name()


def choose_runtime(
    *,
    device: str = "auto",
    precision: Precision = "fp32",
    workers: int = 0,
    compiled: bool = False,
    resident: Residence = "auto",
) -> Runtime:
    """Make a runtime from words.

    Parameters
    ----------
    device
        "auto" takes the first GPU and else the CPU; anything else is a torch device name.

    Raises
    ------
    ConfigError
        If torch cannot use the device here, or the device has no such precision.
    """
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", device):
        raise ConfigError(
            f"device '{device}' is not known: expected 'auto', 'cpu', 'cuda', 'cuda:0' or 'mps'."
        )
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise ConfigError(
            f"device '{device}' cannot be used here ({reason}): use 'cpu', or 'auto' to take "
            "a GPU where there is one."
        ) from None
    chosen = Runtime(torch.device(device), precision, workers, compiled, resident)
    if chosen.device.type == "cuda":
        _set_products(precision)
    elif precision == "tf32":
        raise ConfigError(
            f"precision 'tf32' is not known to the device '{device}': expected an NVIDIA GPU. "
            "Use 'fp32', or 'bf16' where speed matters."
        )
    return chosen


@contextmanager
def whole_products() -> Iterator[None]:
    """Have matrices multiplied with all of their 23 bits of mantissa, whatever the precision."""
    chosen = torch.backends.cuda.matmul.fp32_precision
    torch.backends.cuda.matmul.fp32_precision = "ieee"
    try:
        yield
    finally:
        torch.backends.cuda.matmul.fp32_precision = chosen


def _set_products(precision: Precision) -> None:
    # Left alone, torch's convolutions use TF32, so that fp32 would not be what it says.
    kind = "tf32" if precision == "tf32" else "ieee"
    torch.backends.cuda.matmul.fp32_precision = kind
    torch.backends.cudnn.conv.fp32_precision = kind  # type: ignore[attr-defined] # not in the stubs


def _processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    for line in lines:
        if line.startswith("model name"):
            return f"{line.partition(':')[2].strip()} ({os.cpu_count()} cores)"
    return f"{platform.processor() or platform.machine()} ({os.cpu_count()} cores)"
