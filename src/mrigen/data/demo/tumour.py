"""A skull-stripped demo patient: four contrasts of one brain with a tumour, and its labels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mrigen.data.demo.anatomy import Anatomy, load_anatomy
from mrigen.data.demo.grid import Array, coverage, smooth_field
from mrigen.data.demo.head import rician, tissue_fractions
from mrigen.data.demo.shape import Traits, template_points
from mrigen.seeds import rng

SHAPE = (96, 112, 84)
SPACING_MM = 2.0
LABELS = {0: "background", 1: "edema", 2: "non-enhancing tumor", 3: "enhancing tumour"}


@dataclass(frozen=True)
class Contrast:
    """Brightness of tissues in one channel; `scale` is the integer value of 1."""

    white: float
    grey: float
    fluid: float
    oedema: float
    core: float
    rim: float
    scale: int


# In the order of the Decathlon's channels.
CONTRASTS = {
    "FLAIR": Contrast(0.55, 0.70, 0.16, 1.05, 0.62, 0.92, 600),
    "T1w": Contrast(1.00, 0.74, 0.24, 0.66, 0.40, 0.64, 500),
    "t1gd": Contrast(1.00, 0.76, 0.25, 0.66, 0.38, 1.45, 520),
    "T2w": Contrast(0.38, 0.55, 1.15, 0.86, 1.00, 0.74, 550),
}


@dataclass(frozen=True)
class Patient:
    """Drawn channels int16 (X, Y, Z, 4), labels uint8 (X, Y, Z) and their affine."""

    array: NDArray[np.int16]
    labels: NDArray[np.uint8]
    affine: NDArray[np.float64]


def draw_patient(traits: Traits, *, seed: int, subject: int) -> Patient:
    """Draw the brain of one patient with a tumour.

    Parameters
    ----------
    traits
        Planted age and sex.
    seed, subject
        Name the patient's random streams.
    """
    anatomy = load_anatomy()
    # Left, posterior, superior, as the Decathlon's brain tumours are stored.
    affine = np.diag((-SPACING_MM, -SPACING_MM, SPACING_MM, 1.0))
    affine[:3, 3] = (SPACING_MM * (SHAPE[0] - 1) / 2, SPACING_MM * (SHAPE[1] - 1) / 2 - 16, -76)
    stream = rng(seed, "demo patient", subject)
    points = template_points(affine, SHAPE, anatomy, traits, stream)
    white, grey = tissue_fractions(points, traits.age, SPACING_MM, stream)
    inside = coverage(1.0 - anatomy.cranial_mm.sample(points), SPACING_MM)
    labels = _tumour(points, white, anatomy, stream) * (inside > 0.5)
    # The template has no brain below the foramen magnum; neither has a stripped patient.
    inside *= coverage(points[2] + 71, SPACING_MM)
    channels = []
    for contrast in CONTRASTS.values():
        picture = _paint(contrast, white, grey, labels)
        picture = ndimage.gaussian_filter(picture, 0.4)
        picture *= np.exp(np.float32(0.06) * smooth_field(stream, SHAPE, 40.0))
        picture = rician(picture, 0.025, stream) * np.float32(contrast.scale)
        channels.append(np.rint(picture * inside).astype(np.int16) * (inside > 0.25))
    labels *= inside > 0.25
    return Patient(np.stack(channels, axis=-1).astype(np.int16), labels, affine)


def _tumour(
    points: Array, white: Array, anatomy: Anatomy, stream: np.random.Generator
) -> NDArray[np.uint8]:
    depth = -anatomy.cranial_mm.sample(points)
    fluid_free = anatomy.ventricles.sample(points) < 1
    seats = np.flatnonzero((white > 0.85) & (depth > 16) & fluid_free & (points[2] > -10))
    centre = points.reshape(3, -1)[:, seats[int(stream.integers(seats.size))]]
    radius = np.float32(stream.uniform(11, 19))
    radii = radius * np.exp(stream.normal(0, 0.18, 3)).astype(np.float32)
    offsets = (points - centre.reshape(3, 1, 1, 1)) / radii.reshape(3, 1, 1, 1)
    distance = np.sqrt((offsets**2).sum(axis=0))
    shape = (points.shape[1], points.shape[2], points.shape[3])
    lumps = distance * np.exp(0.28 * smooth_field(stream, shape, 6)).astype(np.float32)
    # Oedema spreads along white matter and stops at the cortex.
    spread = distance * np.exp(0.2 * smooth_field(stream, shape, 9)).astype(np.float32)
    spread += np.float32(0.7) * (1 - white)
    labels = np.zeros(shape, np.uint8)
    labels[(spread < stream.uniform(1.5, 2.1)) & (depth > 2) & fluid_free] = 1
    labels[lumps < 1] = 3
    rim = np.exp(0.12 * smooth_field(stream, shape, 4)).astype(np.float32)
    labels[lumps * rim < stream.uniform(0.6, 0.78)] = 2
    return labels


def _paint(contrast: Contrast, white: Array, grey: Array, labels: NDArray[np.uint8]) -> Array:
    fluid = 1 - white - grey
    healthy = contrast.white * white + contrast.grey * grey + contrast.fluid * fluid
    picture: Array = healthy.astype(np.float32)
    for label, brightness in enumerate((contrast.oedema, contrast.core, contrast.rim), start=1):
        share = ndimage.gaussian_filter((labels == label).astype(np.float32), 0.6)
        # Oedema lets the tissue under it shine through.
        picture += (brightness - picture) * share * np.float32(0.8 if label == 1 else 1.0)
    return picture
