import numpy as np
import pytest

from judged_cases import open_store
from mrigen.data.loader import TEST, TRAIN
from mrigen.data.records import ScanSlices
from mrigen.data.slicing.dataset import DatasetConfig
from mrigen.data.store.writing import write_store
from mrigen.evaluation.stacks.stored import stored_stacks
from phantoms import slice_record

SPLIT = {"train": 0.5, "validation": 0.25, "test": 0.25, "seed": 0}


def store(path, positions, modalities=("T1w",)):
    """Slices of every subject at the same positions."""
    config = DatasetConfig.model_validate({"source": "phantoms", "size": 16, "split": SPLIT})

    def scan(number, modality):
        stream = np.random.default_rng([number, len(modality)])
        records = [
            slice_record(f"phantoms/{number}", index=index, position_mm=place, modality=modality)
            for index, place in enumerate(positions)
        ]
        return ScanSlices(stream.integers(0, 255, (len(records), 16, 16)).astype(np.uint8), records)

    scans = [scan(number, modality) for number in range(4) for modality in modalities]
    return write_store(path, scans, config=config)


def places(store, stack):
    return store.manifest["position_mm"].to_numpy()[stack.rows].tolist()


def test_the_longest_row_of_neighbours_of_each_scan_is_found(tmp_path):
    made = store(tmp_path / "s", [0.0, 2.0, 4.0, 10.0, 12.0, 14.0, 16.0])
    stacks = stored_stacks(made, TRAIN, most_slices=32)
    assert len(stacks) == 2
    assert {stack.subject for stack in stacks} == set(
        made.manifest["subject"][made.manifest["split"] == TRAIN]
    )
    for stack in stacks:
        assert places(made, stack) == [10, 12, 14, 16]
        assert stack.spacing_mm == 2


def test_the_middle_of_a_long_stack_is_kept(tmp_path):
    made = store(tmp_path / "s", [float(place) for place in range(10)])
    (stack,) = stored_stacks(made, TEST, most_slices=4)
    assert places(made, stack) == [3, 4, 5, 6]


def test_slices_are_ordered_by_their_position(tmp_path):
    made = store(tmp_path / "s", [4.0, 2.0, 0.0])
    (stack,) = stored_stacks(made, TEST, most_slices=4)
    assert places(made, stack) == [0, 2, 4]


def test_each_modality_is_a_stack_of_its_own(tmp_path):
    made = store(tmp_path / "s", [0.0, 2.0, 4.0], modalities=("T1w", "FLAIR"))
    stacks = stored_stacks(made, TEST, most_slices=4)
    assert [len(stack.rows) for stack in stacks] == [3, 3]
    assert len({stack.subject for stack in stacks}) == 1


@pytest.mark.parametrize("positions", [[0.0], [0.0, 2.0], [None] * 4, [0.0, 0.0, 0.0]], ids=str)
def test_what_has_no_neighbours_is_no_stack(positions, tmp_path):
    assert stored_stacks(store(tmp_path / "s", positions), TEST, most_slices=4) == []


def test_no_stack_crosses_splits(tmp_path):
    made = open_store(tmp_path)
    for split in (TRAIN, TEST):
        rows = np.concatenate([stack.rows for stack in stored_stacks(made, split, most_slices=9)])
        assert set(made.manifest["split"].iloc[rows]) == {split}
