import numpy as np
import pytest
import torch

from known_lesions import Identity, case, write_heads
from mrigen.evaluation.anomaly.slices import inserted_slices, labelled_slices


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("stores")


@pytest.fixture(scope="module")
def own(folder):
    return write_heads(folder / "own", labels=False)


@pytest.fixture(scope="module")
def lesions(folder):
    return write_heads(folder / "lesions", lesions=(0, 2))


def labelled(own, store, **anomaly):
    name = store.path.name
    return labelled_slices(case(own, Identity(), others={name: store}, dataset=name, **anomaly))


def test_the_same_test_slices_come_with_lesions_and_without(own):
    known = inserted_slices(case(own, Identity()), 0.4)
    count = len(own.positions("test"))
    assert len(known.images) == 2 * count
    assert known.diseased.tolist() == [True] * count + [False] * count
    changed, clean, lesions = known.images[:count], known.images[count:], known.lesions[:count]
    assert torch.equal(changed[~lesions], clean[~lesions])
    assert torch.equal(clean, case(own, Identity()).images(own.positions("test")))
    assert (known.subjects[:count] == known.subjects[count:]).all()
    assert not (known.lesions & ~known.heads).any()


def test_no_lesion_is_inserted_beside_a_labelled_one(lesions, tmp_path):
    rows = lesions.positions("test")[1::3]
    known = inserted_slices(case(lesions, Identity()), 0.4)
    assert torch.equal(known.images[len(rows) :], case(lesions, Identity()).images(rows))
    other = inserted_slices(case(lesions, Identity(), labels=[1]), 0.4)
    assert len(other.images) == 2 * len(lesions.positions("test"))
    ill = write_heads(tmp_path / "ill", lesions=(0, 1, 2))
    assert inserted_slices(case(ill, Identity()), 0.4) is None


def test_labelled_slices_are_test_slices_with_all_labels_but_background(own, lesions):
    found = labelled(own, lesions).slices
    assert len(found.images) == len(lesions.positions("test"))
    assert found.diseased.tolist() == [True, False, True] * (len(found.images) // 3)
    assert (found.lesions.flatten(1).sum(1).unique()).tolist() == [0, 16]
    assert set(found.subjects) == set(lesions.manifest["subject"][lesions.positions("test")])


def test_a_model_without_labels_says_nothing(own):
    assert labelled_slices(case(own, Identity())) == (None, ())


@pytest.mark.parametrize(
    ("options", "settings", "told"),
    [
        ({"labels": False}, {}, "'store' keeps no labels"),
        ({"size": 16}, {}, "slices of 16 pixels where the model takes 32"),
        ({"lesions": ()}, {}, "no test slices with a labelled lesion"),
        ({"lesions": (1,)}, {"modality": "FLAIR"}, "no test slices of modality 'FLAIR'"),
        ({"lesions": (1,)}, {"labels": [1]}, "no test slices with a labelled lesion"),
    ],
)
def test_what_cannot_be_measured_is_said(own, tmp_path, options, settings, told):
    store = write_heads(tmp_path / "store", **({"lesions": ()} | options))
    found = labelled(own, store, **settings)
    assert found.slices is None
    assert told in found.remarks[0]


def test_a_dataset_that_is_not_at_hand_is_named(own):
    found = labelled_slices(case(own, Identity(), dataset="gone"))
    assert found.slices is None
    assert "'gone'" in found.remarks[0]


def test_another_dataset_is_remarked(own, lesions):
    remark = labelled(own, lesions).remarks[0]
    assert "T1w slices of 'lesions', which the model was not trained on: whatever" in remark


def test_a_modality_that_was_never_seen_is_remarked(own, tmp_path):
    store = write_heads(tmp_path / "store", lesions=(0,), modality="FLAIR")
    found = labelled(own, store, modality="FLAIR")
    assert found.slices is not None
    assert "FLAIR slices of 'store', which the model was not trained on, nor" in found.remarks[0]


def test_subjects_that_the_model_was_trained_on_are_left_out(own, tmp_path, monkeypatch):
    store = write_heads(tmp_path / "store", lesions=(0,))
    trained = own.manifest["subject"][own.positions("train")].iloc[0]
    subjects = store.manifest["subject"].to_numpy(dtype=object)
    swapped = np.where(subjects == subjects[store.positions("test")[0]], trained, subjects)
    monkeypatch.setitem(store.manifest, "subject", swapped)
    found = labelled(own, store)
    assert "1 test subjects of 'store' are training subjects" in found.remarks[0]
    assert len(found.slices.images) == len(store.positions("test")) - 3
    assert trained not in found.slices.subjects
