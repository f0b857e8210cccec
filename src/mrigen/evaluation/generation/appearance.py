"""How generated images look as pixels: variety, detail of every size, and intensities."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from torch import Tensor

from mrigen.evaluation.config import GenerationConfig
from mrigen.evaluation.generation.distances import Numbers
from mrigen.evaluation.generation.resampling import HalfSamples
from mrigen.evaluation.generation.sets import Three
from mrigen.metrics.histograms import histogram, histogram_distance
from mrigen.metrics.intervals import Interval
from mrigen.metrics.multiscale import ms_ssim
from mrigen.metrics.similarity import WINDOW
from mrigen.metrics.spectra import radial_power, spectrum_distance
from mrigen.seeds import rng

_Pairs = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]


def spectra_of(images: Three) -> Three:
    """Return every image's power over spatial frequency, (N, R) of each set."""
    return Three(*map(radial_power, (images.generated, images.test, images.train)))


def histograms_of(images: Three) -> Three:
    """Return every image's share of pixels at each intensity, (N, bins) of each set."""
    return Three(*map(histogram, (images.generated, images.test, images.train)))


def measure_appearance(
    spectra: Three,
    histograms: Three,
    halves: HalfSamples | None,
    resampled: npt.NDArray[np.int64],
) -> Numbers:
    """Measure the distances of spectra and of histograms, and their floors, with intervals.

    Parameters
    ----------
    spectra, histograms
        As `spectra_of` and `histograms_of` return them.
    halves
        Half-samples of the rows `resampled` of each set; None for no intervals.
    resampled : (n,) int
    """
    numbers: Numbers = {}
    for kind, measured, distance in (
        ("spectrum", spectra, spectrum_distance),
        ("histogram", histograms, histogram_distance),
    ):
        plain = distance(measured.generated, measured.test)
        floor = distance(measured.train, measured.test)
        numbers |= {f"{kind}_distance": Interval(plain), f"{kind}_floor": Interval(floor)}
        if halves is not None:
            generated, real = _of_halves(measured, halves, resampled, distance)
            numbers[f"{kind}_distance"] = halves.interval(plain, generated)
            numbers[f"{kind}_floor"] = halves.interval(floor, real)
    return numbers


def _of_halves(
    measured: Three,
    halves: HalfSamples,
    resampled: npt.NDArray[np.int64],
    distance: Callable[[Tensor, Tensor], float],
) -> tuple[list[float], list[float]]:
    generated, real = [], []
    for half in halves:
        test = measured.test[resampled[half.test]]
        generated.append(distance(measured.generated[resampled[half.generated]], test))
        real.append(distance(measured.train[resampled[half.train]], test))
    return generated, real


def measure_variety(
    images: Three, subjects: npt.NDArray[np.object_], *, config: GenerationConfig, seed: int
) -> Numbers:
    """Measure the MS-SSIM of pairs of generated images, and of as many pairs of test slices.

    Parameters
    ----------
    images
        At least two of each, of at least 11 pixels a side.
    subjects : (N,)
        Whose the test slices are. Pairs are of two subjects as long as there are two.
    config, seed
        How many pairs, drawn by chance; of the drawing.
    """
    numbers = {}
    alone = np.arange(len(images.generated))
    for name, values, owners in (
        ("ms_ssim", images.generated, alone),
        ("ms_ssim_of_real", images.test, np.asarray(subjects, dtype=str)),
    ):
        first, second = draw_pairs(owners, config.pairs, seed=seed)
        numbers[name] = Interval(float(ms_ssim(values[first], values[second]).mean()))
    return numbers


def too_small_for_pairs(images: Tensor) -> bool:
    """Tell whether images have no MS-SSIM, whose window must fit."""
    return min(images.shape[2:]) < WINDOW


def draw_pairs(owners: npt.NDArray[np.generic], count: int, *, seed: int) -> _Pairs:
    """Draw pairs of different images, of different owners if there are two.

    Parameters
    ----------
    owners : (N,), N at least 2
        Whose each image is.
    count
        Pairs; fewer if there are not so many.
    seed
        Of the drawing.

    Returns
    -------
    two (n,) int
        Places; no pair comes twice, either way round.
    """
    if len(np.unique(owners)) < 2:
        owners = np.arange(len(owners))
    stream = rng(seed, "pairs")
    size = len(owners)
    if size <= 1000:
        first, second = np.triu_indices(size, 1)
    else:
        # A random sample of pairs stands for all of the half a million and more.
        first, second = np.sort(stream.integers(size, size=(2, 4 * count + 1000)), axis=0)
        first, second = np.unique(np.stack([first, second]), axis=1)
    different = owners[first] != owners[second]
    first, second = first[different], second[different]
    chosen = stream.permutation(len(first))[:count]
    return first[chosen], second[chosen]
