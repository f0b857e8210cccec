"""Whether torch computes, and on what."""

import shutil
import subprocess
from collections.abc import Iterator

from mrigen.stages.doctor.finding import Finding, Question, fault, note, ok

_GIBIBYTE = 2**30
_DRIVER_SECONDS = 5.0


def check_torch(_: Question) -> Iterator[Finding]:
    """Compute something small on the processor."""
    import torch

    ramp = torch.arange(64, dtype=torch.float32)
    if float(ramp @ ramp) != 85344.0:
        yield fault("torch", f"{torch.__version__} computes wrongly", "install torch anew")
        return
    yield ok("torch", f"{torch.__version__} computes; threads: {torch.get_num_threads()}")


def check_devices(_: Question) -> Iterator[Finding]:
    """Compute something small on every GPU."""
    import torch

    if torch.backends.mps.is_available():
        yield _device("mps", "Apple's GPU")
    if torch.cuda.is_available():
        for number in range(torch.cuda.device_count()):
            free, total = torch.cuda.mem_get_info(number)
            memory = f"{free / _GIBIBYTE:.1f} of {total / _GIBIBYTE:.1f} GiB free"
            name = torch.cuda.get_device_name(number)
            yield _device(f"cuda:{number}", f"{name}, {memory}, CUDA {torch.version.cuda}")
        return
    driver = _driver()
    if driver is None:
        yield ok("device", "cpu; no NVIDIA driver")
    elif torch.version.cuda is None:
        yield note(
            "device",
            f"there is an NVIDIA driver ({driver}), but torch {torch.__version__} is built for "
            "processors alone",
            "install torch's build for CUDA: leave PIP_EXTRA_INDEX_URL unset",
        )
    else:
        yield fault(
            "device",
            f"torch for CUDA {torch.version.cuda} cannot use the NVIDIA driver {driver}",
            "update the driver, or install a torch that is built for an older CUDA",
        )


def check_chosen_device(asked: Question) -> Iterator[Finding]:
    """Look for the device that the environment names."""
    from mrigen.training.runtime import choose_runtime

    name = asked.environment.get("MRIGEN_DEVICE")
    if name:
        runtime = choose_runtime(device=name)
        yield ok("device", f"MRIGEN_DEVICE is '{name}': {runtime.device_name}")


def _device(name: str, words: str) -> Finding:
    import torch

    try:
        right = float(torch.ones(64, device=name).sum()) == 64.0
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[0]
        return fault("device", f"{name} ({words}) fails: {reason}", "update its driver or torch")
    if not right:
        return fault("device", f"{name} ({words}) computes wrongly", "do not use it")
    return ok("device", f"{name}: {words}")


def _driver() -> str | None:
    command = shutil.which("nvidia-smi")
    if command is None:
        return None
    words = [command, "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        answer = subprocess.run(
            words, capture_output=True, text=True, check=True, timeout=_DRIVER_SECONDS
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.split("\n")[0].strip() or None
