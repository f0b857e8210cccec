"""Intensities that become black and white, and the greys between them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mrigen.data.volumes.volume import FloatArray

FloatArray64 = npt.NDArray[np.float64]

# The colour map "gray" of matplotlib, with its rounding.
_PNG_GREYS = (np.linspace(0, 1, 256) * 255).astype(np.uint8) / np.float32(255)


@dataclass(frozen=True, eq=False)
class Levels:
    """Intensities that become 0 and 1.

    Attributes
    ----------
    black, white : () or (N,) float64
        In the units of the image: for all slices, or one for each. Where white is not above
        black, a slice becomes black.
    """

    black: FloatArray64
    white: FloatArray64

    def scale(self, frames: FloatArray) -> FloatArray:
        """Scale slices, (N, ...) float32, to [0, 1], clipping what lies beyond."""
        black, span = self._spread(frames.ndim)
        scaled = frames - black.astype(np.float32)
        scaled /= span.astype(np.float32)
        return np.clip(scaled, 0, 1, out=scaled)

    def scale_through_png(self, frames: FloatArray) -> FloatArray:
        """Scale slices, (N, A, B) float32, to the 256 greys of a PNG file, as shares of 1.

        Notes
        -----
        These are the pixels that `matplotlib.pyplot.imsave(path, slice, cmap="gray")` writes for
        the float64 slices that nibabel returns: 256 equal steps from black to white, with white
        itself in the last. 24 of its greys are a step too dark, as it cuts off where it should
        round.
        """
        greys = np.empty_like(frames)
        ends = (np.broadcast_to(end, (len(frames), 1, 1)) for end in self._spread(3))
        # Slice by slice, so that the wider numbers stay in the processor's cache.
        for frame, grey, low, rise in zip(frames, greys, *ends, strict=True):
            steps = np.subtract(frame, low, dtype=np.float64)
            steps /= rise / 256  # exactly 256 times the share
            np.minimum(steps, 255, out=steps)
            np.maximum(steps, 0, out=steps)
            grey[...] = _PNG_GREYS[steps.astype(np.uint8)]
        return greys

    def _spread(self, dimensions: int) -> tuple[FloatArray64, FloatArray64]:
        # Black, and how far white is above it: infinitely far where there is no contrast.
        shape = self.black.shape + (1,) * (dimensions - 1)
        span = (self.white - self.black).reshape(shape)
        return self.black.reshape(shape), np.where(span > 0, span, np.inf)
