import numpy as np
import pytest

import phantoms
from mrigen.data.scans import LeftOut, Scan
from mrigen.data.slicing.cohort import CohortFacts
from mrigen.data.slicing.dataset import DatasetConfig
from mrigen.data.slicing.extraction import extract_file
from mrigen.data.slicing.levels import Levels
from mrigen.data.slicing.whole_map import stored_order
from mrigen.data.slicing.whole_volume import cut_whole, read_whole
from mrigen.data.volumes.headers import check_header
from mrigen.errors import DataError
from one_scan import MAX_VOXELS

SHAPE, SPACING_MM = (24, 28, 26), (8.0, 7.0, 9.0)
PLANES = ("axial", "coronal", "sagittal")
GEOMETRIES = (
    {},
    {"fit": "stretch"},
    {"display": "neurological", "resample": "bilinear"},
    {"centre": "foreground", "field_mm": 400, "resample": "nearest"},
)


def config_of(**values):
    return DatasetConfig.model_validate({"source": "phantoms", "size": 64} | values)


def scan_of(path, root, **values):
    values = {"source": "phantoms", "subject": "phantoms/a", "modality": "T1w"} | values
    return Scan(path.relative_to(root).as_posix(), **values)


def read(path, config, **values):
    scan = scan_of(path, path.parent, **values)
    return read_whole(scan, config, root=path.parent, max_voxels=MAX_VOXELS)


def waves():
    """Smooth, brighter towards the right, the front and the top by different amounts."""
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, count) for count in SHAPE), indexing="ij")
    return (500 + 150 * x + 100 * y + 80 * z + 60 * np.sin(3 * x + 2 * y) * np.cos(2 * z)).astype(
        np.float32
    )


def greys(pixels):
    return (pixels / np.iinfo(pixels.dtype).max).astype(np.float32)[:, None]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"plane": "sagittal", "bits": 16, "geometry": {"fit": "stretch"}},
        {"plane": "coronal", "geometry": {"centre": "foreground", "field_mm": 120}},
        {"intensity": {"scope": "slice", "through_png": True, "rescale": True}},
        {"brain_mask": {"by": "nonzero"}, "skull_strip": True, "geometry": {"centre": "brain"}},
    ],
)
def test_a_slice_has_the_pixels_that_it_has_in_the_store(tmp_path, changes):
    path = phantoms.write_volume(tmp_path / "a.nii.gz", phantoms.head(SHAPE), axes="PSR")
    config = config_of(
        selection={"by": "fraction", "start": 0.3, "stop": 0.8, "step": 2}, **changes
    )
    whole = read(path, config)
    (cut,) = extract_file(
        [scan_of(path, tmp_path)], config=config, root=tmp_path, max_voxels=MAX_VOXELS
    )
    rows = [record.index for record in cut.records]
    assert len(whole.pixels) == whole.volume.stored.shape[PLANES[::-1].index(config.plane)]
    assert 0 < len(rows) < len(whole.pixels)
    np.testing.assert_array_equal(whole.pixels[rows], cut.pixels)
    assert whole.position_mm[rows].tolist() == [record.position_mm for record in cut.records]


@pytest.mark.parametrize("axes", ["RAS", "PSR", "LAS", "ILP"])
@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("geometry", GEOMETRIES, ids=["pad", "stretch", "neurological", "centred"])
def test_a_smooth_pattern_comes_back_to_its_voxels(tmp_path, axes, plane, geometry):
    path = phantoms.write_volume(
        tmp_path / "a.nii", waves(), axes=axes, spacing_mm=SPACING_MM, tilt_degrees=5
    )
    config = config_of(
        plane=plane, bits=16, size=128, geometry=geometry, intensity={"lower": 0, "upper": 100}
    )
    whole = read(path, config)
    back = whole.put_back(greys(whole.pixels))
    wanted = (whole.volume.array - whole.black) / (whole.white - whole.black)
    assert back.dtype == np.float32
    # Voxels at the rim may lie half outside the head's field of view.
    inside = (slice(1, -1),) * 3
    np.testing.assert_allclose(back[inside], wanted[inside], atol=0.02)


@pytest.mark.parametrize("axes", ["RAS", "PSR", "LAS"])
@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("size", [24, 100])
def test_a_marked_voxel_comes_back_to_where_it_was_in_the_file(tmp_path, axes, plane, size):
    import nibabel as nib

    marked = np.zeros(SHAPE, np.float32)
    marked[5, 19, 8] = 1000
    path = phantoms.write_volume(tmp_path / "a.nii.gz", marked, axes=axes, spacing_mm=SPACING_MM)
    config = config_of(plane=plane, size=size, intensity={"lower": 0, "upper": 100})
    whole = read(path, config)
    back = stored_order(whole.put_back(greys(whole.pixels)), check_header(path, MAX_VOXELS))
    stored = np.asarray(nib.load(path).dataobj)
    assert back.shape == stored.shape
    assert np.unravel_index(back.argmax(), back.shape) == np.unravel_index(
        stored.argmax(), stored.shape
    )


def test_voxels_outside_the_field_of_view_are_zero_and_only_they(tmp_path):
    path = phantoms.write_volume(tmp_path / "a.nii", phantoms.head(SHAPE), spacing_mm=(8, 8, 8))
    whole = read(path, config_of(geometry={"field_mm": 80}))
    back = whole.put_back(np.ones((SHAPE[2], 1, 64, 64)))
    # 80 of 192 mm along x and of 224 mm along y are ten voxels in the middle.
    expected = np.zeros(SHAPE)
    expected[7:17, 9:19] = 1
    np.testing.assert_allclose(back, expected, atol=1e-6)


def test_values_are_interpolated_linearly_between_pixels(tmp_path):
    path = phantoms.write_volume(tmp_path / "a.nii", phantoms.head((32, 32, 4)))
    whole = read(path, config_of(size=16))
    ramp = np.broadcast_to(np.arange(16.0), (4, 1, 16, 16))
    back = whole.put_back(ramp)
    # The patient's right, where x is highest, is on the left of the picture.
    wanted = np.clip(np.arange(32) / 2 - 0.25, 0, 15)[::-1]
    np.testing.assert_allclose(back, np.broadcast_to(wanted[:, None, None], back.shape), atol=1e-5)


def test_a_channel_of_four_is_read(tmp_path):
    path = phantoms.write_decathlon(tmp_path, subjects=1)[0]
    wholes = [read(path, config_of(), channel=channel) for channel in (0, 3)]
    assert not np.array_equal(wholes[0].volume.array, wholes[1].volume.array)


def test_values_of_another_shape_are_refused(tmp_path):
    path = phantoms.write_volume(tmp_path / "a.nii", phantoms.head(SHAPE))
    whole = read(path, config_of())
    with pytest.raises(DataError, match=r"\(25, 1, 64, 64\).*expected \(26, 1, 64, 64\)"):
        whole.put_back(np.zeros((25, 1, 64, 64)))


def test_what_a_dataset_would_leave_out_is_the_same_error(tmp_path):
    path = phantoms.write_volume(tmp_path / "a.nii.gz", phantoms.head(SHAPE))
    phantoms.truncate(path)
    (left_out,) = extract_file(
        [scan_of(path, tmp_path)], config=config_of(), root=tmp_path, max_voxels=MAX_VOXELS
    )
    assert isinstance(left_out, LeftOut)
    with pytest.raises(DataError) as error:
        read(path, config_of())
    assert str(error.value) == left_out.reason
    huge = phantoms.write_huge(tmp_path / "huge.nii.gz")
    with pytest.raises(DataError, match="at most"):
        read(huge, config_of())


def test_a_cohorts_levels_are_needed_where_it_was_scaled_as_a_whole(tmp_path):
    path = phantoms.write_volume(tmp_path / "a.nii", phantoms.head(SHAPE))
    config = config_of(intensity={"scope": "cohort"})
    whole = read(path, config_of())
    scan = scan_of(path, tmp_path)
    with pytest.raises(DataError, match="measured over all T1w scans of the cohort"):
        cut_whole(whole.volume, scan, config)
    levels = Levels(np.array(0.0), np.array(2000.0))
    dark = cut_whole(whole.volume, scan, config, cohort=CohortFacts(levels={"T1w": levels}))
    assert (dark.black, dark.white) == (0, 2000)
    assert 0 < dark.pixels.max() <= 128
