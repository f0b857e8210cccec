"""The slices of one split in a device's memory, where no batch has to be carried to it."""

from typing import Literal

import torch
from torch import Tensor

from mrigen.data.store.slice_store import SliceStore

Residence = Literal["auto", "on", "off"]

_CHUNK = 1024  # slices read at once
_SHARE = 4  # a quarter of what is free leaves room for the network and its gradients


class ResidentSlices:
    """All slices of one split as integers, on the device.

    Parameters
    ----------
    store
        Where they lie.
    split
        "train", "validation" or "test".
    device
        Where they go.
    """

    def __init__(self, store: SliceStore, split: str, device: torch.device) -> None:
        rows = store.positions(split)
        dtype = torch.uint8 if store.bits == 8 else torch.uint16
        shape = (len(rows), 1, store.size, store.size)
        self._pixels = torch.empty(shape, dtype=dtype, device=device)
        for start in range(0, len(rows), _CHUNK):
            pixels = torch.from_numpy(store.read(rows[start : start + _CHUNK]))
            self._pixels[start : start + len(pixels), 0] = pixels.to(device)
        # A tensor and no number: a GPU would multiply by the inverse of a number, and round
        # otherwise than a CPU.
        self._limit = torch.tensor(float(2**store.bits - 1), device=device)

    def read(self, items: Tensor) -> Tensor:
        """Return slices by their places in the split.

        Parameters
        ----------
        items : (N,) int64

        Returns
        -------
        (N, 1, H, W) float32 in [0, 1] on the device
        """
        index = items.to(self._pixels.device, non_blocking=True)
        return self._pixels[index].float() / self._limit


def resident_slices(
    store: SliceStore, split: str, device: torch.device, wanted: Residence
) -> ResidentSlices | None:
    """Bring the slices of a split to a device, or return None to read them batch by batch.

    Parameters
    ----------
    wanted
        "on" or "off"; "auto" brings them where they take up to a quarter of a GPU's free memory.
    """
    if wanted == "auto":
        wanted = "on" if _fits(store, split, device) else "off"
    return ResidentSlices(store, split, device) if wanted == "on" else None


def _fits(store: SliceStore, split: str, device: torch.device) -> bool:
    if device.type != "cuda":
        return False  # the pages of a mapped file are a CPU's own memory
    free, _ = torch.cuda.mem_get_info(device)
    size = len(store.positions(split)) * store.size**2 * store.bits // 8
    return size * _SHARE <= free
