"""Energy of the chip under a run, where the system lets it be read."""

import subprocess
import threading
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import torch

RAPL = Path("/sys/class/powercap")

#: Stands for a counter where there is none.
NOT_READABLE = "not readable here"

_QUERY = ("nvidia-smi", "--query-gpu=power.draw", "--format=csv,noheader,nounits")
_ANSWER_SECONDS = 10.0


class EnergyCounter(Protocol):
    """A count of joules that only grows.

    Attributes
    ----------
    source
        What is counted, in words.
    interval_s
        It has to be read this often to be right.
    """

    source: str
    interval_s: float

    def joules(self) -> float:
        """Return joules since some moment before the first call.

        Raises
        ------
        OSError
            If the count cannot be read, now or ever.
        """
        ...


class RaplCounter:
    """Energy of all processor packages, by Intel's and AMD's counters in Linux.

    Parameters
    ----------
    folder
        Where Linux shows power zones. Zones inside a package, and those of the whole platform,
        are left out: they would count twice.

    Raises
    ------
    OSError
        If there are no packages, or this user may not read them.
    """

    source = "the processor, other programs included (RAPL)"
    interval_s = 20.0  # a counter is full after minutes: 65 kJ or 262 kJ, and 100 W or more

    def __init__(self, folder: Path = RAPL) -> None:
        self._zones = [
            zone
            for zone in sorted(folder.glob("intel-rapl:*"))
            if zone.name.count(":") == 1 and _text(zone / "name").startswith("package")
        ]
        if not self._zones:
            raise FileNotFoundError(f"'{folder}' has no processor packages.")
        self._last = {zone: int(_text(zone / "energy_uj")) for zone in self._zones}
        self._ranges = {zone: int(_text(zone / "max_energy_range_uj")) for zone in self._zones}
        self._total_uj = 0

    def joules(self) -> float:
        """Return joules since the counter was made; a count that began anew is carried on."""
        for zone in self._zones:
            count = int(_text(zone / "energy_uj"))
            grown = count - self._last[zone]
            self._total_uj += grown if grown >= 0 else grown + self._ranges[zone]
            self._last[zone] = count
        return self._total_uj / 1e6


class NvmlCounter:
    """Energy of an NVIDIA board by its own counter; needs the package `nvidia-ml-py`.

    Parameters
    ----------
    board
        The board's identifier, "GPU-...".

    Raises
    ------
    OSError
        If the package, the board or its counter is not there.
    """

    source = "the GPU's board (NVML)"
    interval_s = 60.0

    def __init__(self, board: str) -> None:
        try:
            self._nvml = import_module("pynvml")
            self._nvml.nvmlInit()
        except ImportError as error:
            raise OSError(str(error)) from error
        except Exception as error:  # NVML's errors derive from nothing more narrow
            raise OSError(str(error)) from error
        self._board = board
        self.joules()

    def joules(self) -> float:
        """Return joules since the driver was loaded."""
        try:
            handle = self._nvml.nvmlDeviceGetHandleByUUID(self._board)
            return float(self._nvml.nvmlDeviceGetTotalEnergyConsumption(handle)) / 1e3
        except self._nvml.NVMLError as error:
            raise OSError(str(error)) from error


class PowerIntegral:
    """Energy of an NVIDIA board as the sum of power over time, asked of `nvidia-smi`.

    Parameters
    ----------
    board
        The board's identifier, "GPU-...".

    Raises
    ------
    OSError
        If the program is not there or does not know the board's power.
    """

    source = "the GPU's board (power of nvidia-smi, summed)"
    interval_s = 0.5

    def __init__(self, board: str) -> None:
        self._command = (*_QUERY, f"--id={board}")
        self._joules = 0.0
        self._moment, self._watts = time.monotonic(), self._ask()

    def joules(self) -> float:
        """Return joules since the counter was made."""
        watts, now = self._ask(), time.monotonic()
        self._joules += (watts + self._watts) / 2 * (now - self._moment)
        self._moment, self._watts = now, watts
        return self._joules

    def _ask(self) -> float:
        try:
            answer = subprocess.run(
                self._command, capture_output=True, text=True, check=True, timeout=_ANSWER_SECONDS
            )
            return float(answer.stdout)
        except (subprocess.SubprocessError, ValueError) as error:
            raise OSError(str(error)) from error


class EnergyMeter:
    """Counts the joules of a block.

    Parameters
    ----------
    counter
        None where energy is not readable.
    before
        Joules of what went before an interruption; None if they could not be read.

    Attributes
    ----------
    source
        What is counted, in words.
    joules
        Of the block that has ended; None if they could not be read throughout.
    """

    def __init__(self, counter: EnergyCounter | None, *, before: float | None = 0.0) -> None:
        self.source = NOT_READABLE if counter is None else counter.source
        self.joules: float | None = None
        self._counter, self._before = counter, before
        self._start = 0.0
        self._lock = threading.Lock()
        self._failed = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="energy", daemon=True)

    def __enter__(self) -> Self:
        if self._counter is not None:
            self._start = self._read(self._counter)
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._counter is not None:
            self._stop.set()
            self._thread.join()
            self.joules = self.so_far()

    def so_far(self) -> float | None:
        """Return the joules since the block began and before; None if they are not known."""
        if self._counter is None or self._before is None:
            return None
        spent = self._read(self._counter) - self._start
        return None if self._failed else self._before + spent

    def _watch(self) -> None:
        assert self._counter is not None
        while not self._stop.wait(self._counter.interval_s):
            self._read(self._counter)

    def _read(self, counter: EnergyCounter) -> float:
        try:
            with self._lock:  # counters remember their last reading
                return counter.joules()
        except OSError:
            self._failed = True
            return 0.0


def find_counter(device: torch.device, folder: Path = RAPL) -> EnergyCounter | None:
    """Return a count of the energy of a device, or None where none can be read."""
    makers: list[Callable[[], EnergyCounter]] = []
    if device.type == "cpu":
        makers = [lambda: RaplCounter(folder)]
    elif device.type == "cuda":
        makers = [lambda: NvmlCounter(_board(device)), lambda: PowerIntegral(_board(device))]
    for make in makers:
        try:
            return make()
        except (OSError, ValueError):
            continue
    return None


def _board(device: torch.device) -> str:
    # By its identifier: torch's numbers change with CUDA_VISIBLE_DEVICES, the driver's do not.
    return f"GPU-{torch.cuda.get_device_properties(device).uuid}"


def _text(path: Path) -> str:
    return path.read_text(encoding="ascii").strip()
