"""The network that finds the brain in a T1 image of a whole head."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np
from nibabel.nifti1 import Nifti1Image

from mrigen.data.volumes.reading import FloatArray, Mask
from mrigen.errors import DataError

if TYPE_CHECKING:
    from deepbet import BrainExtraction


def network_version() -> str:
    """Return what the masks depend on besides the image, without loading the network."""
    return f"deepbet {version('deepbet')}"


def find_brain(array: FloatArray, *, name: str) -> Mask:
    """Segment the brain with deepbet on the processor, offline, with one thread.

    Parameters
    ----------
    array : (X, Y, Z) float32
        Finite intensities in RAS+.
    name
        Of the scan, for the error.

    Returns
    -------
    (X, Y, Z) bool
        One piece without holes.

    Raises
    ------
    DataError
        If there is no brain in it.

    References
    ----------
    Fisch et al., "deepbet: Fast brain extraction of T1-weighted MRI using convolutional neural
    networks", Computers in Biology and Medicine 179 (2024),
    doi:10.1016/j.compbiomed.2024.108845.
    """
    with _one_thread():
        network = _load()
        network.bbox = None  # where the last brain was
        try:
            # The network sees voxels alone; the identity says that they are in RAS+ already.
            _, mask, _ = network.run(Nifti1Image(array, np.eye(4)))
        except (AssertionError, ValueError, RuntimeError) as error:
            if isinstance(error, RuntimeError) and not _found_nothing(network):
                raise
            raise DataError(
                f"scan '{name}' shows no brain that deepbet can find: expected a T1 image of a "
                "whole head. Look at it, give it a mask file, or leave it out."
            ) from error
    return np.asarray(mask.dataobj, np.bool_)


def _found_nothing(network: "BrainExtraction") -> bool:
    # A brain thinner than a voxel leaves a box without voxels, at which torch stumbles.
    return network.bbox is not None and any(side.start >= side.stop for side in network.bbox)


@lru_cache(maxsize=1)
def _load() -> "BrainExtraction":
    from deepbet import BrainExtraction

    with warnings.catch_warnings():
        # deepbet ships its weights in a format that torch will drop one day.
        warnings.filterwarnings("ignore", ".*torch.jit.load.*", DeprecationWarning)
        return BrainExtraction(no_gpu=True)


@contextmanager
def _one_thread() -> Iterator[None]:
    # Sums over other numbers of threads have other last bits, which can turn a voxel at the rim.
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
