import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mrigen.config import parse_config
from mrigen.data.slicing.geometry import (
    SLICE_AXIS,
    GeometryConfig,
    centre_of_mass,
    frames,
    lay_out,
)
from mrigen.errors import ConfigError, DataError
from one_scan import read_volume
from phantoms import write_volume

PLANES = ("axial", "coronal", "sagittal")
DISPLAYS = ("radiological", "neurological")


def slices_of(array, plane):
    return np.moveaxis(array, SLICE_AXIS[plane], 0)


def pictures_of(array, plane, spacing_mm, *, size, centre_voxel=None, **values):
    config = GeometryConfig(**values)
    layout = lay_out(plane, array.shape, spacing_mm, config, size=size, centre_voxel=centre_voxel)
    return layout.resample(frames(slices_of(array, plane), plane, config.display)), layout


def test_radiological_pictures_show_the_patient_from_the_feet_the_face_and_the_left():
    array = np.zeros((9, 9, 9), np.float32)
    right, front, top = (8, 4, 4), (4, 8, 4), (4, 4, 8)
    array[right], array[front], array[top] = 0.3, 0.6, 1.0
    expected = {
        "axial": {0.3: [4, 0], 0.6: [0, 4], 1.0: None},
        "coronal": {0.3: [4, 0], 0.6: None, 1.0: [0, 4]},
        "sagittal": {0.3: None, 0.6: [4, 0], 1.0: [0, 4]},
    }
    for plane, places in expected.items():
        picture = frames(slices_of(array, plane), plane, "radiological")[4]
        for value, place in places.items():
            found = np.argwhere(picture == np.float32(value)).tolist()
            assert found == ([] if place is None else [place]), (plane, value)


def test_neurological_pictures_are_mirrored_but_for_sagittal_ones():
    slices = np.random.default_rng(0).random((2, 5, 7), dtype=np.float32)
    for plane in PLANES:
        one, other = (frames(slices, plane, display) for display in DISPLAYS)
        mirrored = one if plane == "sagittal" else one[:, :, ::-1]
        np.testing.assert_array_equal(other, mirrored)
        assert np.shares_memory(one, slices)
        assert one.shape == (2, 7, 5)


@pytest.mark.parametrize("spacing", [(1.0, 3.0), (3.0, 1.0), (0.7, 0.7), (2.0, 1.2)])
@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("size", [48, 96])
def test_a_round_head_stays_round_whatever_the_voxels(spacing, plane, size):
    counts = [round(length / step) for length, step in zip((150, 210), spacing, strict=True)]
    a, b = (
        (np.arange(count) - (count - 1) / 2) * step
        for count, step in zip(counts, spacing, strict=True)
    )
    disc = np.clip(55.5 - np.hypot(a[:, None], b[None]), 0, 1).astype(np.float32)
    array = np.expand_dims(disc, SLICE_AXIS[plane])
    voxel = np.insert(spacing, SLICE_AXIS[plane], 5.0)
    pictures, layout = pictures_of(array, plane, voxel, size=size)
    picture, pixel_mm = pictures[0], layout.pixel_height_mm
    assert layout.pixel_width_mm == pixel_mm == pytest.approx(210 / size, rel=0.02)
    for axis in (0, 1):
        across = picture.max(axis=axis).sum() * pixel_mm
        assert across == pytest.approx(110, abs=max(*spacing, pixel_mm) * 1.5)
        places = np.indices(picture.shape)[axis]
        middle = (picture * places).sum() / picture.sum()
        assert middle == pytest.approx((size - 1) / 2, abs=0.1)


def test_a_stretched_slice_fills_the_picture():
    array = np.ones((30, 40, 1), np.float32)
    pictures, layout = pictures_of(array, "axial", (2.0, 1.0, 1.0), size=20, fit="stretch")
    assert pictures.min() == 1
    assert (layout.pixel_width_mm, layout.pixel_height_mm) == (3.0, 2.0)
    padded, _ = pictures_of(array, "axial", (2.0, 1.0, 1.0), size=20)
    assert padded.mean() == pytest.approx(40 / 60, abs=0.05)


def test_a_field_in_millimetres_gives_every_volume_the_same_pixels():
    for count, spacing in ((60, 4.0), (240, 1.0), (30, 6.0)):
        array = np.ones((count, count, 1), np.float32)
        pictures, layout = pictures_of(array, "axial", (spacing,) * 3, size=100, field_mm=200.0)
        assert layout.pixel_height_mm == layout.pixel_width_mm == 2.0
        assert pictures.mean() == pytest.approx(min(1, (count * spacing / 200) ** 2), abs=0.03)


ORIENTATIONS = ("RAS", "PSR", "LPS", "IRP")


@pytest.mark.parametrize("axes", ORIENTATIONS)
@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("display", DISPLAYS)
@pytest.mark.parametrize(
    ("fit", "centre"), [("pad", None), ("pad", (9.5, 12.0, 8.25)), ("stretch", None)]
)
@pytest.mark.parametrize("tilt", [0.0, 11.0])
def test_a_pixel_maps_to_where_the_scanner_saw_it(
    tmp_path, axes, plane, display, fit, centre, tilt
):
    shape, spacing = (18, 22, 20), (4.0, 3.0, 5.0)
    marker = (5, 13, 9)
    array = np.zeros(shape, np.int16)
    array[marker] = 1000
    path = write_volume(
        tmp_path / "a.nii.gz", array, spacing_mm=spacing, axes=axes, tilt_degrees=tilt
    )
    volume = read_volume(path)
    pictures, layout = pictures_of(
        volume.array / 1000,
        plane,
        volume.spacing_mm,
        size=64,
        centre_voxel=centre,
        display=display,
        fit=fit,
        centre="brain" if centre else "field_of_view",
    )
    index = marker[SLICE_AXIS[plane]]
    assert np.flatnonzero(pictures.any(axis=(1, 2))).tolist() == [index]
    row, column = (
        (pictures[index] * places).sum() / pictures[index].sum()
        for places in np.indices(pictures[index].shape)
    )
    expected = volume.affine @ (*marker, 1)
    found = layout.affine(volume.affine) @ (column, row, index, 1)
    np.testing.assert_allclose(found, expected, atol=0.2)
    scanner = layout.affine(volume.affine)
    pixel = (layout.pixel_width_mm, layout.pixel_height_mm, layout.slice_spacing_mm)
    np.testing.assert_allclose(np.linalg.norm(scanner[:3, :3], axis=0), pixel)


@settings(deadline=None, max_examples=150)
@given(
    plane=st.sampled_from(PLANES),
    display=st.sampled_from(DISPLAYS),
    shape=st.tuples(*[st.integers(2, 12)] * 3),
    spacing=st.tuples(*[st.floats(0.5, 4)] * 3),
    size=st.integers(2, 20),
    layout=st.one_of(
        st.just({"fit": "stretch"}),
        st.fixed_dictionaries({"field_mm": st.none() | st.floats(5, 60)}),
    ),
    centre=st.none() | st.tuples(*[st.floats(0, 11)] * 3),
)
def test_every_pixel_is_the_voxel_that_it_maps_to(
    plane, display, shape, spacing, size, layout, centre
):
    if "fit" in layout:
        centre = None
    voxels = 1 + np.arange(np.prod(shape)).reshape(shape) % 250
    config = GeometryConfig(display=display, resample="nearest", **layout)
    plan = lay_out(plane, shape, spacing, config, size=size, centre_voxel=centre)
    pictures = plan.resample_labels(frames(slices_of(voxels, plane), plane, display))
    index, row, column = np.indices(pictures.shape)
    places = plan.to_voxel @ np.stack([column, row, index, np.ones_like(row)], -1)[..., None]
    places = places[..., :3, 0]
    nearest = np.rint(places).astype(int)
    # Halfway between two voxels the two ways of rounding may differ.
    sure = (np.abs(places - np.floor(places) - 0.5) > 1e-6).all(-1)
    inside = ((nearest >= 0) & (nearest < shape)).all(-1)
    assert not pictures[sure & ~inside].any()
    both = sure & inside
    np.testing.assert_array_equal(pictures[both], voxels[tuple(nearest[both].T)])


def test_the_centre_lies_in_the_middle_and_at_nought_millimetres():
    array = np.zeros((20, 24, 30), np.float32)
    array[4:7, 15:20, 21:24] = 1
    centre = centre_of_mass(array > 0)
    assert centre == (5.0, 17.0, 22.0)
    for plane in PLANES:
        pictures, layout = pictures_of(
            array, plane, (2.0, 2.0, 2.0), size=31, centre_voxel=centre, centre="foreground"
        )
        index = int(centre[SLICE_AXIS[plane]])
        picture = pictures[index]
        for places in np.indices(picture.shape):
            assert (picture * places).sum() / picture.sum() == pytest.approx(15, abs=1e-4)
        positions = layout.position_mm(np.array([index - 1, index, index + 3]))
        assert positions.tolist() == [-2.0, 0.0, 6.0]
    _, middle = pictures_of(array, "axial", (2.0, 2.0, 2.0), size=31)
    assert middle.position_mm(np.array([0, 14, 15])).tolist() == [-29.0, -1.0, 1.0]


def test_nothing_to_centre_on():
    with pytest.raises(DataError, match="nothing of the volume is inside the mask"):
        centre_of_mass(np.zeros((3, 3, 3), bool))


def test_labels_lie_under_their_pixels():
    labels = np.zeros((20, 26, 2), np.uint16)
    labels[3:9, 4:20, 1] = 7
    layout = lay_out("axial", labels.shape, (1.5, 1.0, 3.0), GeometryConfig(), size=90)
    small = layout.resample_labels(frames(slices_of(labels, "axial"), "axial", "radiological"))
    assert small.dtype == np.uint8
    assert small.shape == (2, 90, 90)
    assert np.unique(small).tolist() == [0, 7]
    shades = slices_of((labels / 7).astype(np.float32), "axial")
    pictures = layout.resample(frames(shades, "axial", "radiological"))
    assert ((pictures > 0.5) == (small > 0)).mean() > 0.99


@settings(deadline=None, max_examples=30)
@given(
    st.integers(2, 40),
    st.integers(2, 40),
    st.integers(8, 50),
    st.sampled_from(["area", "bilinear", "nearest"]),
)
def test_pictures_stay_in_range(width, height, size, method):
    array = np.random.default_rng(1).random((width, height, 2), dtype=np.float32).round(1)
    pictures, _ = pictures_of(array, "axial", (1.0, 2.0, 1.0), size=size, resample=method)
    assert pictures.shape == (2, size, size)
    assert pictures.dtype == np.float32
    assert pictures.min() >= 0
    assert pictures.max() <= 1


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"fit": "stretch", "field_mm": 200.0}, "fit: pad where field_mm or a centre is set"),
        ({"fit": "stretch", "centre": "brain"}, "fit: pad where field_mm or a centre is set"),
        ({"field_mm": 0}, "'field_mm' is 0"),
        ({"resample": "cubic"}, "'resample' is 'cubic': expected 'area', 'bilinear'"),
    ],
)
def test_mistakes_say_what_was_expected(values, words):
    with pytest.raises(ConfigError, match=words):
        parse_config(GeometryConfig, values, source="params.yaml")
