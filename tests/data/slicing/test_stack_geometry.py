import numpy as np
import pandas as pd
import pytest

from mrigen.data.export.pseudo_volume import encode_pseudo_volume
from mrigen.data.scans import Scan
from mrigen.data.slicing.dataset import DatasetConfig
from mrigen.data.slicing.geometry import GeometryConfig
from mrigen.data.slicing.stack_geometry import StackGeometry, read_stack_geometry
from mrigen.data.slicing.whole_volume import cut_whole
from one_scan import read_volume

SIZE = 16
PLANES = [
    (plane, display)
    for plane in ("axial", "coronal", "sagittal")
    for display in ("radiological", "neurological")
]
# Where the first column and the first row of a picture lie: +x is the patient's right in RAS+.
LEFT = {
    ("axial", "radiological"): (+1, 0, 0),
    ("axial", "neurological"): (-1, 0, 0),
    ("coronal", "radiological"): (+1, 0, 0),
    ("coronal", "neurological"): (-1, 0, 0),
    ("sagittal", "radiological"): (0, +1, 0),
    ("sagittal", "neurological"): (0, +1, 0),
}
TOP = {"axial": (0, +1, 0), "coronal": (0, 0, +1), "sagittal": (0, 0, +1)}


def geometry(plane="axial", display="radiological", **changes):
    values = {
        "plane": plane, "display": display, "centre": "field_of_view",
        "pixel_height_mm": 3.75, "pixel_width_mm": 3.75, "spacing_mm": 2.0,
        "position_mm": (1.0, 59.0),
    }  # fmt: skip
    return StackGeometry.model_validate(values | changes)


def pictures(count=7):
    """Slices from black to white without any symmetry."""
    values = np.random.default_rng(0).random((count, SIZE, SIZE), np.float32)
    values[:, 0, 0], values[:, -1, -1] = 0, 1
    return values


@pytest.mark.parametrize(("plane", "display"), PLANES)
def test_our_own_slicing_gives_the_pictures_back(plane, display, tmp_path):
    slices = pictures()
    affine = geometry(plane, display).affine(SIZE, first_mm=11.0, step_mm=2.5)
    path = tmp_path / "head.nii.gz"
    path.write_bytes(encode_pseudo_volume(slices, affine, words="", comment="", packed=True))
    volume = read_volume(path)
    config = DatasetConfig.model_validate(
        {
            "source": "made", "plane": plane, "size": SIZE, "bits": 16,
            "geometry": {"display": display}, "intensity": {"lower": 0, "upper": 100},
        }
    )  # fmt: skip
    whole = cut_whole(volume, Scan(path.name, "made", "made/a", "T1w"), config)
    assert np.abs(whole.pixels / 65535 - slices).max() < 0.001
    # Cut anew, positions are counted from the middle of what the file holds.
    assert whole.position_mm == pytest.approx(2.5 * np.arange(-3, 4))
    # In the millimetres of the scanner nothing has moved.
    assert volume.affine @ whole.to_voxel == pytest.approx(affine, abs=1e-6)


@pytest.mark.parametrize(("plane", "display"), PLANES)
def test_slices_lie_where_the_display_says_they_came_from(plane, display):
    affine = geometry(plane, display).affine(SIZE, first_mm=11.0, step_mm=2.5)
    middle = (SIZE - 1) / 2
    left = affine @ [0, middle, 0, 1]
    top = affine @ [middle, 0, 0, 1]
    centre = affine @ [middle, middle, 0, 1]
    half = 3.75 * middle
    normal = np.array([plane == "sagittal", plane == "coronal", plane == "axial"], float)
    assert centre[:3] == pytest.approx(11.0 * normal)
    assert (left - centre)[:3] == pytest.approx(half * np.array(LEFT[plane, display]))
    assert (top - centre)[:3] == pytest.approx(half * np.array(TOP[plane]))
    assert (affine @ [middle, middle, 4, 1])[:3] == pytest.approx(21.0 * normal)


def test_pixels_need_not_be_square():
    affine = geometry(pixel_height_mm=2.0, pixel_width_mm=3.0).affine(4, first_mm=0, step_mm=1)
    assert np.diag(affine).tolist() == [-3.0, -2.0, 1.0, 1.0]


def manifest(**columns):
    rows = 6
    values = {
        "subject": list("aaabbb"), "path": list("aaabbb"), "modality": ["T1w"] * rows,
        "split": ["train"] * rows, "plane": ["axial"] * rows,
        "position_mm": [1.0, 3.0, 5.0, 0.0, 3.0, 6.0], "spacing_mm": [1.0] * rows,
        "pixel_height_mm": [3.75] * rows, "pixel_width_mm": [3.75] * rows,
    }  # fmt: skip
    return pd.DataFrame(values | columns)


def test_medians_are_told_and_what_differs():
    found = read_stack_geometry(
        manifest(pixel_width_mm=[3.0, 3.0, 3.0, 4.0, 4.0, 4.0]),
        GeometryConfig(display="neurological", centre="foreground"),
    )
    assert found == geometry(
        display="neurological",
        centre="foreground",
        pixel_width_mm=3.5,
        spacing_mm=2.5,
        position_mm=(0.0, 6.0),
        differing=("pixel_width_mm is 3 to 4", "spacing_mm is 2 to 3"),
    )


def test_only_training_slices_are_read():
    splits = ["train"] * 3 + ["test"] * 3
    found = read_stack_geometry(manifest(split=splits), GeometryConfig())
    assert found == geometry(spacing_mm=2.0, position_mm=(1.0, 5.0))


def test_images_of_one_scan_at_one_place_are_no_neighbours():
    found = read_stack_geometry(
        manifest(modality=["T1w", "T2w"] * 3, position_mm=[0, 0, 4, 4, 8, 8], subject=["a"] * 6),
        GeometryConfig(),
    )
    assert found.spacing_mm == 4


def test_single_slices_have_the_spacing_of_their_images():
    found = read_stack_geometry(manifest(path=list("abcdef")), GeometryConfig())
    assert found.spacing_mm == 1.0


@pytest.mark.parametrize("lost", [{"position_mm": [np.nan] * 6}, {"split": ["test"] * 6}])
def test_pictures_lie_nowhere(lost):
    assert read_stack_geometry(manifest(**lost), GeometryConfig()) is None


@pytest.mark.parametrize(
    "changes",
    [
        *({"position_mm": (2.0, 1.0)}, {"position_mm": (0.0, 1e6)}, {"plane": "up"}),
        *({"spacing_mm": 0.0}, {"pixel_width_mm": 1e9}, {"pixel_height_mm": 1e-300}),
        *({"spacing_mm": float("nan")}, {"differing": ["x" * 101]}, {"differing": ["x"] * 4}),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(changes):
    with pytest.raises(ValueError, match=next(iter(changes))):
        geometry(**changes)
