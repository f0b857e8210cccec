"""One scan read or cut by itself, as most tests want it."""

from pathlib import Path

from mrigen.data.records import ScanSlices
from mrigen.data.scans import LeftOut, Scan
from mrigen.data.slicing.dataset import DatasetConfig
from mrigen.data.slicing.extraction import extract_file
from mrigen.data.volumes.reading import read_channels
from mrigen.data.volumes.volume import Volume
from mrigen.errors import DataError

MAX_VOXELS = 2**28


def read_volume(path: Path, *, channel: int | None = None) -> Volume:
    """Read a 3-D file, or one channel of a 4-D file."""
    return read_channels(path, [channel], max_voxels=MAX_VOXELS)[0]


def extract_slices(scan: Scan, config: DatasetConfig, *, root: Path) -> ScanSlices:
    """Cut one scan; why it cannot be used is the error."""
    (outcome,) = extract_file([scan], config=config, root=root, max_voxels=MAX_VOXELS)
    if isinstance(outcome, LeftOut):
        raise DataError(outcome.reason)
    return outcome
