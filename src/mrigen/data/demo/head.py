"""The picture of a demo subject: tissues to T1 brightness, bias, blur and noise."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mrigen.data.demo.anatomy import load_anatomy
from mrigen.data.demo.grid import Array, coverage, smooth_field
from mrigen.data.demo.shape import Traits, template_points
from mrigen.seeds import rng

_WHITE_LEVEL = 150  # of 255: leaves room for fat above white matter


@dataclass(frozen=True)
class Scanner:
    """How a site's scanner sees a head.

    Attributes
    ----------
    grey, fluid, fat
        T1 brightness in units of white matter.
    bias
        Relative standard deviation of the smooth shading.
    noise
        Standard deviation of the noise in units of white matter.
    blur
        Standard deviation of the blur in voxels.
    spacing_mm
        In-plane (sagittal) spacing.
    shape
        Posterior, superior and rightward voxels.
    """

    grey: float
    fluid: float
    fat: float
    bias: float
    noise: float
    blur: float
    spacing_mm: float
    shape: tuple[int, int, int]


SLICE_MM = 2.0
SCANNERS = {
    "Guys": Scanner(0.75, 0.22, 1.15, 0.07, 0.024, 0.40, 1.875, (128, 128, 90)),
    "HH": Scanner(0.71, 0.18, 1.05, 0.11, 0.018, 0.35, 2.0, (120, 120, 92)),
    "IOP": Scanner(0.78, 0.26, 1.25, 0.05, 0.030, 0.45, 2.1, (116, 116, 88)),
}


@dataclass(frozen=True)
class Head:
    """A drawn T1 head: `array` uint8 (P, S, R), `affine`, and its ventricles in millilitres."""

    array: NDArray[np.uint8]
    affine: NDArray[np.float64]
    ventricle_ml: float


def draw_head(traits: Traits, site: str, *, seed: int, subject: int) -> Head:
    """Draw the T1 head of one subject, skull and scalp included.

    Parameters
    ----------
    traits
        Planted age and sex.
    site
        A key of `SCANNERS`.
    seed, subject
        Name the subject's random streams.
    """
    scanner = SCANNERS[site]
    anatomy = load_anatomy()
    affine = _affine(scanner)
    stream = rng(seed, "demo head", subject)
    points = template_points(affine, scanner.shape, anatomy, traits, stream)
    white, grey = tissue_fractions(points, traits.age, scanner.spacing_mm, stream)
    fluid = 1 - white - grey
    detail = np.float32(0.35) * anatomy.detail.sample(points)
    brain = white + np.float32(scanner.grey) * grey + np.float32(scanner.fluid) * fluid + detail
    picture = _add_shell(brain, points, scanner, traits, stream)
    picture = ndimage.gaussian_filter(picture, scanner.blur)
    picture *= np.exp(np.float32(scanner.bias) * smooth_field(stream, scanner.shape, 45.0))
    picture = rician(picture, scanner.noise, stream) * np.float32(_WHITE_LEVEL)
    ventricles = anatomy.ventricles.sample(points).sum(dtype=np.float64) / 255
    voxel_ml = abs(np.linalg.det(affine[:3, :3])) / 1000
    return Head(
        np.clip(np.rint(picture), 0, 255).astype(np.uint8), affine, float(ventricles * voxel_ml)
    )


def tissue_fractions(
    points: Array, age: float, spacing_mm: float, stream: np.random.Generator
) -> tuple[Array, Array]:
    """Return white and grey matter fractions in [0, 1] at template points.

    The rest inside the skull is fluid. Sulci differ from subject to subject and open with age.
    """
    anatomy = load_anatomy()
    white = anatomy.white.sample(points) / 255
    grey = anatomy.grey.sample(points) / 255
    fluid = np.clip(1 - white - grey, 0, 1)
    shape = (points.shape[1], points.shape[2], points.shape[3])
    opening = np.exp(0.6 + 0.016 * (age - 45) + 0.6 * smooth_field(stream, shape, 9 / spacing_mm))
    total = white + grey + fluid * opening.astype(np.float32)
    return white / total, grey / total


def rician(picture: Array, noise: float, stream: np.random.Generator) -> Array:
    """Add the noise of a magnitude image: the length of a complex value with two noisy parts."""
    real, imaginary = noise * stream.standard_normal((2, *picture.shape), dtype=np.float32)
    magnitude: Array = np.hypot(picture + real, imaginary)
    return magnitude


def _affine(scanner: Scanner) -> NDArray[np.float64]:
    # Axes posterior, superior, right, as the IXI release stores them.
    posterior, superior, right = scanner.shape
    spacing = scanner.spacing_mm
    affine = np.zeros((4, 4))
    affine[1, 0], affine[2, 1], affine[0, 2] = -spacing, spacing, SLICE_MM
    # The field of view leaves a finger's breadth of air above the vertex.
    affine[:3, 3] = (
        -SLICE_MM * (right - 1) / 2,
        spacing * (posterior - 1) / 2 - 8,
        98 - spacing * (superior - 1),
    )
    affine[3, 3] = 1
    return affine


def _add_shell(
    brain: Array, points: Array, scanner: Scanner, traits: Traits, stream: np.random.Generator
) -> Array:
    anatomy = load_anatomy()
    spacing, shape = scanner.spacing_mm, scanner.shape
    widening = 0.02 * max(traits.age - 30, 0)
    rim = 1.6 + widening + 0.5 * smooth_field(stream, shape, 20)
    bone_mm = np.clip(stream.normal(6.5, 0.8) + 1.0 * smooth_field(stream, shape, 16), 3.5, 10)
    fat_mm = np.clip(stream.normal(4.5, 0.8) + 0.8 * smooth_field(stream, shape, 16), 2, 9)
    outside = anatomy.cranial_mm.sample(points) - np.clip(rim, 0.5, 5)
    skin = anatomy.skin_mm.sample(points)

    # Muscles lie in sheets with fat between them, and cavities and bone have no fat at all.
    soft = anatomy.soft.sample(points)
    sheets = np.abs(smooth_field(stream, shape, (6, 14, 6)))
    texture = 0.45 * np.clip(1 - sheets / 0.5, 0, 1) - 0.25 * np.clip(sheets - 1.2, 0, 1)
    soft *= 1 + texture + 0.2 * smooth_field(stream, shape, 2)
    fat = scanner.fat * (1 + 0.1 * smooth_field(stream, shape, 4))
    soft += (fat - soft) * coverage(fat_mm - skin, spacing)
    soft += (0.6 - soft) * coverage(1.5 - skin, spacing)
    # Marrow between the two tables of the skull, where the bone is thick enough for any.
    middle = (outside / bone_mm - 0.5) / 0.2
    marrow = np.clip(bone_mm - 4, 0, 3) / 3 * np.exp(-(middle**2))
    bone = 0.07 + 0.5 * marrow

    picture = bone + (soft - bone) * coverage(outside - bone_mm, spacing)
    picture = brain + (picture - brain) * coverage(outside, spacing)
    result: Array = (picture * coverage(skin, spacing)).astype(np.float32)
    return result
