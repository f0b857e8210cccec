"""One thread, for what several would change: sums over them have other last bits."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch, and the linear algebra behind NumPy and scikit-learn, use one thread.

    Training, and maps that are found step by step, make a difference in the last bit larger.
    """
    # Slow to import, and needed by evaluations alone.
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(threads)
