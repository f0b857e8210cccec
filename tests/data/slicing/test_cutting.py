import numpy as np
import pytest
from PIL import Image

import phantoms
from mrigen.data.scans import Scan
from mrigen.data.slicing.cohort import CohortFacts, gather_facts
from mrigen.data.slicing.cutting import cut_volume
from mrigen.data.slicing.dataset import DatasetConfig
from mrigen.data.slicing.levels import Levels
from mrigen.data.slicing.slice_choice import describe_volume, read_slices
from mrigen.data.slicing.slice_tables import Stretch
from mrigen.errors import DataError
from one_scan import read_volume

SHAPE, SPACING = (30, 36, 34), (6.0, 6.0, 6.0)
SCAN = Scan("data/IXI001-HH-1-T1.nii.gz", "ixi", "ixi/IXI001", "T1w")
ALL = {"by": "all"}


def config_of(**values):
    return DatasetConfig.model_validate({"source": "ixi", "selection": ALL, **values})


@pytest.fixture
def volume(tmp_path):
    array = phantoms.head(SHAPE, SPACING)
    path = tmp_path / "a.nii"
    return read_volume(phantoms.write_volume(path, array, spacing_mm=SPACING, axes="PSR"))


@pytest.fixture
def ball():
    """A mask whose middle lies off that of the volume."""
    x, y, z = np.mgrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    return (x - 14) ** 2 + (y - 15) ** 2 + (z - 18) ** 2 < 7**2


@pytest.mark.parametrize(("plane", "axis"), [("sagittal", 0), ("coronal", 1), ("axial", 2)])
def test_every_plane_is_cut_along_its_axis(volume, plane, axis):
    cut = cut_volume(volume, SCAN, config_of(plane=plane))
    assert cut.pixels.shape == (SHAPE[axis], 64, 64)
    assert [record.index for record in cut.records] == list(range(SHAPE[axis]))
    assert {record.plane for record in cut.records} == {plane}
    middle = (SHAPE[axis] - 1) / 2
    assert cut.records[-1].position_mm == pytest.approx((SHAPE[axis] - 1 - middle) * 6)


@pytest.mark.parametrize(("plane", "axis"), [("sagittal", 0), ("coronal", 1), ("axial", 2)])
def test_the_grid_leads_from_a_marker_in_the_picture_to_the_scanner(volume, plane, axis):
    # The front marker is the brightest ball; its slices are found, and its place in them.
    cut = cut_volume(volume, SCAN, config_of(plane=plane, size=128, intensity={"upper": 100}))
    place, rows, columns = np.nonzero(cut.pixels > 0.9 * 255)
    middle = [columns.mean(), rows.mean(), place.mean(), 1]
    position = np.array(cut.grid.affine) @ middle
    np.testing.assert_allclose(position[:3], phantoms.FRONT_MARKER, atol=6)


def test_black_and_white_of_the_grid_give_the_scanners_units_back(volume):
    geometry = {"fit": "stretch", "resample": "nearest"}
    intensity = {"lower": 0, "upper": 100}
    cut = cut_volume(
        volume, SCAN, config_of(size=36, bits=16, geometry=geometry, intensity=intensity)
    )
    shares = cut.pixels[10] / 65535
    raw = cut.grid.black + shares * (cut.grid.white - cut.grid.black)
    columns = np.floor((np.arange(36) + 0.5) * 30 / 36).astype(int)
    expected = volume.array[::-1, ::-1, 10].T[:, columns]
    np.testing.assert_allclose(raw, expected, atol=0.02)


@pytest.mark.parametrize("intensity", [{"scope": "slice"}, {"rescale": True}])
def test_slices_that_are_scaled_by_themselves_have_no_units(volume, intensity):
    grid = cut_volume(volume, SCAN, config_of(intensity=intensity)).grid
    assert (grid.black, grid.white) == (None, None)


def test_the_slices_do_not_depend_on_how_many_are_drawn_at_a_time(volume, monkeypatch):
    values = {"plane": "sagittal", "intensity": {"scope": "slice", "through_png": True}}
    first = cut_volume(volume, SCAN, config_of(**values))
    monkeypatch.setattr("mrigen.data.slicing.slice_choice._SLICES_AT_ONCE", 7)
    again = cut_volume(volume, SCAN, config_of(**values))
    np.testing.assert_array_equal(first.pixels, again.pixels)
    assert first.records == again.records


def test_arnaizs_protocol_is_that_of_his_tools(volume):
    """matplotlib's PNG of each slice, a bilinear resize, and a stretch to [0, 1]."""
    import io

    import matplotlib.image
    import torch

    config = config_of(
        plane="sagittal",
        size=16,
        bits=16,
        intensity={"scope": "slice", "lower": 0, "upper": 100, "through_png": True,
                   "rescale": True},
        geometry={"fit": "stretch", "resample": "bilinear"},
    )  # fmt: skip
    pixels = cut_volume(volume, SCAN, config).pixels
    for index in (4, 15, 22):
        file = io.BytesIO()
        picture = volume.array[index].T[::-1, ::-1].astype(np.float64)
        matplotlib.image.imsave(file, picture, cmap="gray", format="png")
        grey = np.asarray(Image.open(file).convert("L")).astype(np.float32) / 255
        resized = torch.nn.functional.interpolate(
            torch.from_numpy(grey)[None, None], (16, 16), mode="bilinear", align_corners=False
        )[0, 0].numpy()
        expected = (resized - resized.min()) / (resized.max() - resized.min())
        np.testing.assert_allclose(pixels[index] / 65535, expected, atol=2e-5)


def test_a_cohorts_levels_are_used_for_every_scan(volume):
    config = config_of(intensity={"scope": "cohort", "lower": 0, "upper": 100}, bits=16)
    levels = Levels(np.array(0.0), np.array(4000.0))
    cut = cut_volume(volume, SCAN, config, cohort=CohortFacts(levels={"T1w": levels}))
    assert cut.pixels.max() < 65535 / 4
    assert (cut.grid.black, cut.grid.white) == (0, 4000)


def test_the_range_of_the_type_can_be_the_scale(volume):
    cut = cut_volume(volume, SCAN, config_of(intensity={"scope": "stored"}, bits=16))
    assert (cut.grid.black, cut.grid.white) == (-32768, 32767)


def test_stripping_the_skull_blackens_what_is_outside_before_anything_is_measured(volume, ball):
    whole = {"lower": 0, "upper": 100}
    config = config_of(skull_strip=True, brain_mask={"by": "nonzero"}, intensity=whole)
    cut = cut_volume(volume, SCAN, config, mask=ball)
    bare = cut_volume(volume, SCAN, config_of(intensity=whole))
    inside = np.array([record.brain_fraction for record in cut.records]) > 0
    assert not cut.pixels[~inside].any()
    assert cut.pixels[18, :8].max() == 0
    # The marker at the front is the brightest of the whole; without it, the inside is white.
    assert bare.grid.white > 900
    assert cut.grid.white < 750
    assert cut.grid.black == 0
    assert cut.pixels.max() > 250


def test_brain_and_label_fractions_are_of_the_slice_itself(volume, ball):
    labels = np.zeros(SHAPE, np.uint8)
    labels[3:9, 5:11, 12] = 2
    config = config_of(labels=True)
    cut = cut_volume(volume, SCAN, config, mask=ball, labels=labels)
    shares = [record.brain_fraction for record in cut.records]
    np.testing.assert_allclose(shares, ball.mean(axis=(0, 1)))
    assert cut.records[12].label_fraction == 36 / (30 * 36)
    assert cut.records[13].label_fraction == 0
    bare = cut_volume(volume, SCAN, config_of())
    assert {record.brain_fraction for record in bare.records} == {None}
    assert {record.label_fraction for record in bare.records} == {None}
    assert bare.labels is None


@pytest.mark.parametrize("plane", ["sagittal", "coronal", "axial"])
def test_labels_lie_on_their_pixels(volume, plane):
    labels = (volume.array > 900).astype(np.uint8) * 3
    cut = cut_volume(volume, SCAN, config_of(plane=plane, intensity={"upper": 100}), labels=labels)
    assert cut.labels.shape == cut.pixels.shape
    assert cut.labels.dtype == np.uint8
    assert set(np.unique(cut.labels)) == {0, 3}
    marked = cut.pixels[cut.labels == 3]
    assert marked.mean() > 0.8 * 255
    assert (cut.pixels[cut.labels == 0] > 0.95 * 255).mean() < 0.02


def test_the_brain_rule_keeps_slices_with_enough_brain(volume, ball):
    content = {"rule": "brain", "above": 0.1}
    config = config_of(brain_mask={"by": "nonzero"}, selection={"by": "all", "content": content})
    cut = cut_volume(volume, SCAN, config, mask=ball)
    expected = np.flatnonzero(ball.mean(axis=(0, 1)) > 0.1)
    assert [record.index for record in cut.records] == expected.tolist()
    assert cut.notes == ()


def test_gaps_that_a_content_rule_leaves_are_noted(volume, ball):
    ball[:, :, 18] = False
    config = config_of(
        brain_mask={"by": "nonzero"},
        selection={"by": "all", "content": {"rule": "brain", "above": 0.1}},
    )
    (note,) = cut_volume(volume, SCAN, config, mask=ball).notes
    assert note == (
        "data/IXI001-HH-1-T1.nii.gz (T1w): the content rule left gaps between the slices that it "
        "kept"
    )


@pytest.mark.parametrize("rule", ["nonzero_count", "nonzero_mean"])
def test_outliers_over_the_cohort_are_dropped(volume, rule):
    # Of this head the lowest eight slices are zeros.
    stored = volume.stored.copy()
    stored[:, :, :8] = 0
    empty = type(volume)(stored, 1.0, 0.0, volume.affine, volume.spacing_mm)
    config = config_of(selection={"by": "all", "content": {"rule": rule, "cut": "q1"}})
    facts = [describe_volume(each, SCAN, config) for each in (volume, empty)]
    assert facts[0].outlier_measure.shape == (SHAPE[2],)
    cohort = gather_facts(facts, config)
    kept = [record.index for record in cut_volume(empty, SCAN, config, cohort=cohort).records]
    assert 0 < len(kept) <= SHAPE[2] - 8
    assert min(kept) >= 8


def test_a_centre_moves_the_picture_and_the_positions(volume, ball):
    config = config_of(brain_mask={"by": "nonzero"}, geometry={"centre": "brain"})
    cut = cut_volume(volume, SCAN, config, mask=ball)
    assert cut.records[18].position_mm == pytest.approx(0, abs=1)
    middle = np.array(cut.grid.affine) @ [31.5, 31.5, 18, 1]
    expected = volume.affine @ [14, 15, 18, 1]
    np.testing.assert_allclose(middle, expected, atol=1)
    bright = config_of(geometry={"centre": "foreground"})
    shifted = cut_volume(volume, SCAN, bright).records
    assert abs(shifted[17].position_mm) < 12


def test_a_table_chooses_the_slices(volume):
    config = config_of(selection={"by": "table", "table": "slices.csv"})
    table = {"IXI001-HH-1-T1": Stretch(4, 6)}
    cut = cut_volume(volume, SCAN, config, table=table)
    assert [record.index for record in cut.records] == [4, 5, 6]
    with pytest.raises(DataError, match="is not in the slice table"):
        cut_volume(volume, SCAN, config, table={})


def test_nothing_kept_names_the_rule(volume, ball):
    content = {"rule": "brain", "above": 0.9}
    config = config_of(
        brain_mask={"by": "nonzero"}, selection={"by": "central", "count": 3, "content": content}
    )
    words = r"'IXI001-HH-1-T1\.nii\.gz' has 34 axial slices, of which the selection by central"
    with pytest.raises(DataError, match=words):
        cut_volume(volume, SCAN, config, mask=ball)


def test_slices_outside_a_mask_are_zero(volume, ball):
    slices = read_slices(volume, np.array([18]), 2, ball)
    np.testing.assert_array_equal(slices[0], np.where(ball[:, :, 18], volume.array[:, :, 18], 0))
