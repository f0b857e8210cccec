"""Where and how numbers are computed: chosen at the edge, never a hyper-parameter."""

import os
import platform
import re
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from mrigen.errors import ConfigError

Precision = Literal["fp32", "bf16"]


@dataclass(frozen=True)
class Runtime:
    """Device, precision and loader processes of one run.

    Attributes
    ----------
    device
        A torch device.
    precision
        "fp32", or "bf16" for autocast with float32 weights.
    workers
        Processes that prepare batches; 0 prepares them in the training process.
    """

    device: torch.device
    precision: Precision = "fp32"
    workers: int = 0

    def autocast(self) -> AbstractContextManager[None]:
        """Return the context in which losses are computed."""
        return torch.autocast(
            self.device.type, dtype=torch.bfloat16, enabled=self.precision == "bf16"
        )

    @property
    def device_name(self) -> str:
        """The name of the chip, as its maker gives it."""
        if self.device.type == "cuda":
            return torch.cuda.get_device_name(self.device)
        return _processor_name()


def choose_runtime(
    *, device: str = "auto", precision: Precision = "fp32", workers: int = 0
) -> Runtime:
    """Make a runtime from words.

    Parameters
    ----------
    device
        "auto" takes the first GPU and else the CPU; anything else is a torch device name.

    Raises
    ------
    ConfigError
        If torch cannot use the device here.
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
    return Runtime(torch.device(device), precision, workers)


def _processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    for line in lines:
        if line.startswith("model name"):
            return f"{line.partition(':')[2].strip()} ({os.cpu_count()} cores)"
    return f"{platform.processor() or platform.machine()} ({os.cpu_count()} cores)"
