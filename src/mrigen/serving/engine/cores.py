"""How many lanes a machine has room for."""

import os
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def lanes_for(device: str, quota: Path = _QUOTA) -> int:
    """Return one lane per core that this process may use, or one on an accelerator.

    Parameters
    ----------
    device
        A torch device.
    quota
        Where a container finds its share of the processors: microseconds of computing in each
        period, or "max", and the period.
    """
    if not device.startswith("cpu"):
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    try:
        allowed, period = quota.read_text().split()
        share = int(allowed) / int(period)
    except (OSError, ValueError):  # no cgroup of the second version, or "max"
        share = float("inf")
    return max(1, int(min(cores or 1, share)))
