import numpy as np
import pytest

import phantoms
from mrigen.data.scans import Scan
from mrigen.data.slicing.cohort import gather_facts
from mrigen.data.slicing.dataset import DatasetConfig
from mrigen.data.slicing.extraction import describe_file, extract_file
from mrigen.data.slicing.whole_context import kept_slices, stored_cohort
from mrigen.data.slicing.whole_volume import cut_whole, read_whole
from mrigen.data.store.writing import write_store
from mrigen.errors import DataError
from one_scan import MAX_VOXELS


def config_of(**values):
    return DatasetConfig.model_validate({"source": "phantoms", "size": 32} | values)


@pytest.fixture
def scan(tmp_path):
    path = phantoms.write_volume(tmp_path / "a.nii", phantoms.head())
    return Scan(path.name, "phantoms", "phantoms/a", "T1w")


def cut(scan, config, root):
    places = {"root": root, "max_voxels": MAX_VOXELS}
    (slices,) = extract_file([scan], config=config, **places)
    return read_whole(scan, config, **places), [record.index for record in slices.records]


@pytest.mark.parametrize(
    "selection",
    [
        {"by": "fraction", "start": 0.3, "stop": 0.8, "step": 2},
        {"by": "index", "start": 2, "stop": 9},
        {"by": "mm", "start": -40, "stop": 33},
        {"by": "central", "count": 7},
        {"by": "all"},
        {"by": "all", "content": {"rule": "brain", "above": 0.3}},
    ],
)
@pytest.mark.parametrize("centre", ["field_of_view", "brain"])
def test_the_kept_slices_are_those_of_the_dataset(tmp_path, scan, selection, centre):
    array = phantoms.head()
    array[:, :, :6] = 0
    phantoms.write_volume(tmp_path / "a.nii", np.where(array > 100, array, 0))
    config = config_of(
        selection=selection, brain_mask={"by": "nonzero"}, geometry={"centre": centre}
    )
    whole, rows = cut(scan, config, tmp_path)
    assert np.flatnonzero(kept_slices(whole, config)).tolist() == rows


@pytest.mark.parametrize(
    "selection",
    [
        {"by": "table", "table": "none.csv"},
        {"by": "all", "content": {"rule": "nonzero_count"}},
        {"by": "index", "start": 900, "stop": 905},
    ],
)
def test_a_selection_that_says_nothing_of_a_volume_keeps_all_of_it(tmp_path, scan, selection):
    whole, _ = cut(scan, config_of(selection={"by": "all"}), tmp_path)
    assert kept_slices(whole, config_of(selection=selection)).all()


def test_another_volume_is_scaled_like_the_cohort_of_a_store(tmp_path):
    config = config_of(
        intensity={"scope": "cohort"}, split={"train": 0.5, "validation": 0.25, "test": 0.25}
    )
    scans = [
        Scan(path.relative_to(tmp_path).as_posix(), "phantoms", f"phantoms/{number}", "T1w")
        for number, path in enumerate(phantoms.write_ixi(tmp_path, subjects=4))
    ]
    places = {"root": tmp_path, "max_voxels": MAX_VOXELS}
    found = [fact for each in scans for fact in describe_file([each], config=config, **places)]
    facts = gather_facts(found, config)
    slices = [extract_file([each], config=config, cohort=facts, **places)[0] for each in scans]
    store = write_store(tmp_path / "store", iter(slices), config=config)
    whole = read_whole(scans[0], config, cohort=stored_cohort(store.grids, config), **places)
    rows = [record.index for record in slices[0].records]
    np.testing.assert_array_equal(whole.pixels[rows], slices[0].pixels)
    other = Scan(scans[0].path, "phantoms", "phantoms/x", "T2w")
    with pytest.raises(DataError, match="all T2w scans"):
        cut_whole(whole.volume, other, config, cohort=stored_cohort(store.grids, config))


def test_a_store_of_stretched_pictures_cannot_say_what_was_black(tmp_path):
    grids = phantoms.slice_store(tmp_path / "store").grids
    config = config_of(intensity={"scope": "cohort", "rescale": True})
    with pytest.raises(DataError, match=r"intensity\.rescale"):
        stored_cohort(grids.assign(black=np.nan, white=np.nan), config)
    assert stored_cohort(grids, config_of()).levels == {}
