from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from brain_phantom import SPACING_MM, head_with_brain
from mrigen.config import parse_config
from mrigen.data.masks import brain_mask as brain_masks
from mrigen.data.masks import brain_network
from mrigen.data.masks.brain_mask import BrainMaskConfig, brain_mask
from mrigen.data.scans import Scan
from mrigen.errors import ConfigError, DataError
from one_scan import read_volume
from phantoms import write_volume

SHAPE = (12, 14, 10)
SCAN = Scan(path="data/a.nii.gz", source="ixi", subject="ixi/a", modality="T1w")


@pytest.fixture
def project(tmp_path):
    """A volume stored as PSR, with a label map and a mask beside it."""
    array = np.random.default_rng(0).integers(1, 900, SHAPE)
    array[:, :, :4] = 0
    labels = np.zeros(SHAPE, np.uint8)
    labels[3:8, 4:10, 5:9], labels[5, 5, 6] = 2, 7
    write_volume(tmp_path / "data/a.nii.gz", array, axes="PSR")
    write_volume(tmp_path / "data/labels.nii.gz", labels, axes="LPS", dtype=np.uint8)
    write_volume(tmp_path / "data/mask.nii.gz", labels == 7, axes="RAS", dtype=np.uint8)
    return SimpleNamespace(root=tmp_path, array=array, labels=labels)


def find(project, scan=SCAN, **values):
    volume = read_volume(project.root / scan.path)
    config = parse_config(BrainMaskConfig, values, source="params.yaml")
    cache = project.root / "masks"
    return brain_mask(volume, scan, config, root=project.root, cache=cache)


LABELLED = replace(SCAN, label_path="data/labels.nii.gz")
MASKED = replace(SCAN, mask_path="data/mask.nii.gz")


def test_masks_that_need_no_network(project):
    np.testing.assert_array_equal(find(project, by="nonzero"), project.array != 0)
    np.testing.assert_array_equal(find(project, LABELLED, by="labels"), project.labels > 0)
    seven = find(project, LABELLED, by="labels", labels=[7, 9])
    np.testing.assert_array_equal(seven, project.labels == 7)
    np.testing.assert_array_equal(find(project, MASKED, by="file"), project.labels == 7)
    assert seven.dtype == np.bool_
    assert not (project.root / "masks").exists()


def test_a_mask_file_wins_over_the_network(project, monkeypatch):
    monkeypatch.setattr(brain_masks, "find_brain", None)
    np.testing.assert_array_equal(find(project, MASKED, by="deepbet"), project.labels == 7)


def test_growing_and_shrinking(project):
    grown = find(project, MASKED, by="file", grow=2)
    distance = np.abs(np.indices(SHAPE) - np.reshape((5, 5, 6), (3, 1, 1, 1))).sum(axis=0)
    np.testing.assert_array_equal(grown, distance <= 2)
    shrunk = find(project, by="nonzero", grow=-1)
    expected = np.zeros(SHAPE, bool)
    expected[:, :, 5:] = True  # not at the edge of the volume
    np.testing.assert_array_equal(shrunk, expected)


@pytest.mark.parametrize(
    ("scan", "values", "words"),
    [
        (SCAN, {"by": "file"}, "scan 'a.nii.gz' has no mask file: expected one, as"),
        (SCAN, {"by": "labels"}, "scan 'a.nii.gz' has no label map: expected one, as"),
        (
            LABELLED,
            {"by": "labels", "labels": [3]},
            "scan 'a.nii.gz' has an empty brain mask in 'data/labels.nii.gz': expected",
        ),
        (MASKED, {"by": "file", "grow": -1}, "has an empty brain mask in 'data/mask.nii.gz'"),
    ],
)
def test_masks_that_cannot_be(project, scan, values, words):
    with pytest.raises(DataError, match=words):
        find(project, scan, **values)


def test_a_mask_of_another_shape_or_missing(project):
    write_volume(project.root / "data/mask.nii.gz", np.ones((12, 14, 11)), axes="PSR")
    with pytest.raises(DataError, match=r"mask.nii.gz' has shape \(12, 14, 11\)"):
        find(project, MASKED, by="file")
    with pytest.raises(DataError, match=r"gone.nii.gz"):
        find(project, replace(SCAN, mask_path="data/gone.nii.gz"), by="file")


def test_a_mask_is_kept_by_what_it_was_computed_from(project, monkeypatch):
    asked = []

    def fake(array, *, name):
        asked.append(name)
        return array > 500

    monkeypatch.setattr(brain_masks, "find_brain", fake)
    first = find(project)
    np.testing.assert_array_equal(find(project), first)
    find(project, grow=1)
    write_volume(project.root / "data/b.nii.gz", project.array, axes="PSR")
    find(project, replace(SCAN, path="data/b.nii.gz"))
    assert asked == ["a.nii.gz"]
    write_volume(project.root / "data/b.nii.gz", project.array, axes="PSR", tilt_degrees=5)
    find(project, replace(SCAN, path="data/b.nii.gz"))
    monkeypatch.setattr(brain_masks, "network_version", lambda: "deepbet 9")
    find(project)
    assert asked == ["a.nii.gz", "b.nii.gz", "a.nii.gz"]
    assert len(list((project.root / "masks").iterdir())) == 3


def test_deepbet_finds_the_brain_of_a_head_and_leaves_torch_as_it_was(tmp_path):
    array, brain = head_with_brain()
    write_volume(tmp_path / "data/a.nii.gz", array, spacing_mm=(SPACING_MM,) * 3, axes="PSR")
    threads = torch.get_num_threads()
    mask = find(SimpleNamespace(root=tmp_path))
    assert 2 * (mask & brain).sum() / (mask.sum() + brain.sum()) > 0.9
    assert torch.get_num_threads() == threads
    assert len(list((tmp_path / "masks").iterdir())) == 1


def test_a_volume_without_a_brain_is_one_sentence():
    with pytest.raises(DataError, match="scan 'a' shows no brain that deepbet can find: expected"):
        brain_network.find_brain(np.zeros((40, 40, 40), np.float32), name="a")


class _Network:
    """Stands in for deepbet."""

    def __init__(self, error, bbox):
        self.error, self.found, self.threads = error, bbox, []
        self.bbox = (slice(7, 7),)  # of the volume before

    def run(self, image):
        self.threads.append(torch.get_num_threads())
        self.bbox = self.found or self.bbox
        raise self.error


def test_one_thread_inside_and_the_users_number_afterwards(monkeypatch):
    network = _Network(AssertionError("Not enough foreground"), None)
    monkeypatch.setattr(brain_network, "_load", lambda: network)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with pytest.raises(DataError, match="shows no brain"):
            brain_network.find_brain(np.zeros((4, 4, 4), np.float32), name="a")
        assert network.threads == [1]
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_a_failure_of_torch_is_no_missing_brain(monkeypatch):
    boxes = {(0, 4, 2, 2): DataError, (0, 4, 2, 3): RuntimeError, None: RuntimeError}
    for box, error in boxes.items():
        bbox = box and (slice(*box[:2]), slice(*box[2:]))
        network = _Network(RuntimeError("cannot allocate memory"), bbox)
        monkeypatch.setattr(brain_network, "_load", lambda network=network: network)
        with pytest.raises(error):
            brain_network.find_brain(np.zeros((4, 4, 4), np.float32), name="a")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"by": "fsl"}, "'by' is 'fsl': expected 'deepbet', 'file', 'labels'"),
        ({"labels": []}, "labels"),
        ({"grow": 11}, "'grow' is 11"),
    ],
)
def test_mistakes_say_what_was_expected(values, words):
    with pytest.raises(ConfigError, match=words):
        parse_config(BrainMaskConfig, values, source="params.yaml")
