"""Every slice of a volume as a dataset draws it, and values on the slices back to the voxels."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from mrigen.data.masks.brain_mask import brain_mask
from mrigen.data.records import Pixels, Plane
from mrigen.data.scans import Scan
from mrigen.data.slicing.cohort import CohortFacts
from mrigen.data.slicing.cutting import cut_volume
from mrigen.data.slicing.dataset import DatasetConfig
from mrigen.data.slicing.geometry import SLICE_AXIS, Display, frames
from mrigen.data.slicing.resampling import Axis, resample
from mrigen.data.slicing.selection import SelectionConfig
from mrigen.data.volumes.headers import Affine
from mrigen.data.volumes.reading import Mask, Volume, read_channels
from mrigen.data.volumes.volume import FloatArray
from mrigen.errors import DataError

# Where a pixel lies is worked out from affines, whose last bits are noise.
_DECIMALS = 9


@dataclass(frozen=True, eq=False)
class WholeVolume:
    """All slices of one volume along the plane of a dataset.

    Attributes
    ----------
    volume
        What was cut, in RAS+.
    pixels : (N, size, size) uint8 or uint16
        Every slice as the dataset draws it, from the lowest to the highest: slice `i` is row
        `index == i` of a store that was cut with the same configuration.
    to_voxel : (4, 4) float64
        (column, row, slice index, 1) of a picture to voxel indices of `volume`.
    position_mm : (N,) float64
        Distance of each slice from the centre that the dataset's geometry names.
    black, white
        Intensities that became 0 and 1; None where each slice was scaled by itself.
    plane, display
        Of the pictures.
    mask : (X, Y, Z) bool
        Of the brain; None where the dataset has no masks.
    """

    volume: Volume
    pixels: Pixels
    to_voxel: Affine
    position_mm: npt.NDArray[np.float64]
    black: float | None
    white: float | None
    plane: Plane
    display: Display
    mask: Mask | None

    def put_back(self, values: npt.NDArray[np.floating]) -> FloatArray:
        """Bring values on the pictures' pixels onto the voxels of the volume.

        Within a slice, a voxel gets what lies under its centre, interpolated linearly between the
        centres of the four nearest pixels; beyond the centres of the outermost pixels their own
        value. Slices are those of the volume, so nothing is interpolated between them.

        Parameters
        ----------
        values : (N, 1, size, size)
            One for each of `pixels`.

        Returns
        -------
        (X, Y, Z) float32
            In the order of `volume`, RAS+; 0 for voxels outside the field of view of the pictures.

        Raises
        ------
        DataError
            If there is not one value for each pixel.
        """
        count, height, width = self.pixels.shape
        if values.shape != (count, 1, height, width):
            raise DataError(
                f"values of shape {values.shape} cannot be put back into a volume: expected "
                f"{(count, 1, height, width)}, one for each pixel of its slices."
            )
        pictures = np.ascontiguousarray(values[:, 0], np.float32)
        turned = resample(pictures, self._voxels("row"), self._voxels("column"), "bilinear")
        axis = SLICE_AXIS[self.plane]
        answer = np.empty(self._shape, np.float32)
        # A view, the way the pictures are looked at: what is written there lands on its voxel.
        frames(np.moveaxis(answer, axis, 0), self.plane, self.display)[...] = turned
        return answer

    @property
    def _shape(self) -> tuple[int, int, int]:
        x, y, z = self.volume.stored.shape
        return x, y, z

    def _voxels(self, side: Literal["row", "column"]) -> Axis:
        """Lay the voxels of a frame over its pixels: the way back of the dataset's own axis."""
        place = 0 if side == "column" else 1
        axis = int(np.flatnonzero(self.to_voxel[:3, place])[0])
        step, start = self.to_voxel[axis, place], self.to_voxel[axis, 3]
        count = self._shape[axis]
        # Frames that are mirrored count their voxels from the other end.
        first = start if step > 0 else count - 1 - start
        ratio = round(abs(step), _DECIMALS)
        centre = round(((count - 1) / 2 - first) / ratio, _DECIMALS)
        size = self.pixels.shape[1]
        return Axis(count=size, size=count, centre=centre, span=count / ratio)


def read_whole(
    scan: Scan,
    config: DatasetConfig,
    *,
    root: Path,
    max_voxels: int,
    cohort: CohortFacts | None = None,
    masks: Path | None = None,
) -> WholeVolume:
    """Read a volume and cut every slice of it.

    Parameters
    ----------
    scan
        A file that is a volume, and which channel of it; paths are relative to `root`.
    config
        Of the dataset.
    root
        The project's folder.
    max_voxels
        The most voxels the file may declare.
    cohort
        Where intensities are scaled over a cohort: its levels, as `stored_cohort` finds them.
    masks
        Folder of brain masks that are kept; `masks` of the project if None.

    Raises
    ------
    DataError
        As when a dataset is cut: if the file cannot be read, has no contrast, or has no brain mask
        where the dataset asks for one.
    """
    (volume,) = read_channels(root / scan.path, [scan.channel], max_voxels=max_voxels)
    mask = None
    if config.brain_mask is not None:
        cache = masks or root / "masks"
        mask = brain_mask(
            volume, scan, config.brain_mask, root=root, cache=cache, max_voxels=max_voxels
        )
    return cut_whole(volume, scan, config, cohort=cohort, mask=mask)


def cut_whole(
    volume: Volume,
    scan: Scan,
    config: DatasetConfig,
    *,
    cohort: CohortFacts | None = None,
    mask: Mask | None = None,
) -> WholeVolume:
    """Cut every slice of a volume, whatever the dataset's selection keeps.

    The parameters are those of `cut_volume`.

    Raises
    ------
    DataError
        If the intensities have no contrast, or are scaled over a cohort that is not given.
    """
    if config.intensity.scope == "cohort" and scan.modality not in (cohort or CohortFacts()).levels:
        raise DataError(
            f"scan '{Path(scan.path).name}' cannot be drawn as the dataset draws its own: what is "
            f"black and white was measured over all {scan.modality} scans of the cohort, and is "
            "not at hand. Take a volume of a modality that the dataset has."
        )
    everything = config.model_copy(update={"selection": SelectionConfig(by="all"), "labels": False})
    cut = cut_volume(volume, scan, everything, cohort=cohort, mask=mask)
    assert cut.grid is not None  # a volume lies somewhere
    to_mm = np.asarray(cut.grid.affine, np.float64)
    return WholeVolume(
        volume=volume,
        pixels=cut.pixels,
        to_voxel=np.round(np.linalg.inv(volume.affine) @ to_mm, _DECIMALS),
        position_mm=np.array([record.position_mm for record in cut.records], np.float64),
        black=cut.grid.black,
        white=cut.grid.white,
        plane=config.plane,
        display=config.geometry.display,
        mask=mask,
    )
