"""Volumes in memory to slices, and values on the slices back to a file like the one that came."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mrigen.data.held_file import HeldFile
from mrigen.data.records import Plane
from mrigen.data.scans import Scan
from mrigen.data.slicing.dataset import DatasetConfig
from mrigen.data.slicing.geometry import SLICE_AXIS
from mrigen.data.slicing.whole_map import encode_map
from mrigen.data.slicing.whole_volume import WholeVolume, cut_whole
from mrigen.data.uploads.limits import check_amount, check_count
from mrigen.data.uploads.recognise import GZIP
from mrigen.data.volumes.headers import Header, check_header
from mrigen.data.volumes.reading import read_channels
from mrigen.data.volumes.volume import FloatArray
from mrigen.errors import DataError
from mrigen.images import from_integers

# However much a header declares, it is refused in words that suit an upload.
_ANY = 2**512


@dataclass(frozen=True, eq=False)
class UploadedVolume:
    """A volume that was sent, and its slices.

    Attributes
    ----------
    file, header
        As it came.
    whole
        Every slice, as a dataset without settings of its own draws it.
    """

    file: HeldFile
    header: Header
    whole: WholeVolume

    @property
    def pictures(self) -> FloatArray:
        """The slices, (N, size, size) float32 in [0, 1], from the lowest to the highest."""
        return np.asarray(from_integers(self.whole.pixels).numpy(), np.float32)

    @property
    def packed(self) -> bool:
        """Whether it came gzipped."""
        return self.file.content.startswith(GZIP)

    @property
    def sent(self) -> tuple[int, int]:
        """Height and width of a slice before it was resampled."""
        axis = SLICE_AXIS[self.whole.plane]
        width, height = (n for i, n in enumerate(self.whole.volume.stored.shape) if i != axis)
        return height, width

    def encode(self, values: npt.NDArray[np.floating], *, words: str, intensities: bool) -> bytes:
        """Make a NIfTI file of values on the slices, on the grid of the file that came.

        Parameters
        ----------
        values : (N, 1, size, size)
            One for each pixel of the slices.
        words
            What they are, for the header; at most 79 letters.
        intensities
            Whether 0 and 1 become the intensities that were black and white.
        """
        array = self.whole.put_back(values)
        if intensities:
            black, white = self.whole.black, self.whole.white
            assert black is not None
            assert white is not None
            with np.errstate(all="ignore"):
                array *= np.float32(white - black)
                array += np.float32(black)
        return encode_map(
            array, like=self.file, header=self.header, words=words, packed=self.packed
        )


def read_volume(
    content: bytes, max_voxels: int, *, size: int, plane: Plane = "axial"
) -> UploadedVolume:
    """Read a NIfTI file and cut it into slices.

    Parameters
    ----------
    content
        The file, plain or gzipped.
    max_voxels
        The most voxels it may declare.
    size
        Pixels along each side of a slice.
    plane
        Direction of the cut; a file that is a single slice is taken the way it lies.

    Raises
    ------
    TooLargeError
        If it declares too much.
    DataError
        If it cannot be read, has several channels, or no contrast.
    """
    file = HeldFile("upload.nii.gz" if content.startswith(GZIP) else "upload.nii", content)
    header = check_header(file, _ANY, flat=True)
    if header.channels is not None:
        raise DataError(
            f"the volume has four dimensions, shape {(*header.shape, header.channels)}: expected "
            "one channel. Send each channel by itself."
        )
    check_amount("the volume", header.shape, max_voxels)
    (volume,) = read_channels(file, [None], max_voxels=max_voxels, flat=True)
    thin = [name for name, axis in SLICE_AXIS.items() if volume.stored.shape[axis] == 1]
    config = DatasetConfig(source="upload", plane=thin[0] if thin else plane)
    count = volume.stored.shape[SLICE_AXIS[config.plane]]
    check_count("the volume", count, size, max_voxels)
    scan = Scan(file.name, config.source, "", config.modalities[0])
    # A model may be of a size that no dataset has.
    # Intensities at the ends of what 32 bits can hold are clipped, and need no warning before.
    with np.errstate(all="ignore"):
        whole = cut_whole(volume, scan, config.model_copy(update={"size": size}))
    return UploadedVolume(file, header, whole)
