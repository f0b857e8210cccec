from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from judged_cases import pixels
from mrigen.evaluation.feature_cache import features_of, kept_features
from mrigen.metrics.features import efficientnet_lite0

IMAGES = torch.rand(40, 1, 16, 16, generator=torch.Generator().manual_seed(0))


def ask(folder, rows, extractor=None, what="data"):
    return kept_features(
        folder,
        what,
        np.array(rows, np.int64),
        extractor=extractor or pixels(),
        images=lambda missing: IMAGES[missing],
    )


def only_file(folder):
    (path,) = folder.glob("*.npy")
    return path


def test_features_come_back_in_the_order_asked_for(tmp_path):
    for rows in ([3, 1, 1, 30], [30, 2, 3], []):
        assert torch.equal(ask(tmp_path, rows), IMAGES[rows].flatten(1))


def test_only_what_is_missing_is_computed(tmp_path):
    ask(tmp_path, range(16))
    extractor = pixels()
    ask(tmp_path, range(24), extractor)
    assert extractor.network.seen == 8
    ask(tmp_path, range(24), extractor)
    assert extractor.network.seen == 8
    assert only_file(tmp_path)


@pytest.mark.parametrize("other", ["what", "digest", "threads"])
def test_another_dataset_or_extractor_has_features_of_its_own(tmp_path, monkeypatch, other):
    ask(tmp_path, [0])
    extractor = pixels(digest="other" if other == "digest" else "pixels")
    if other == "threads":
        monkeypatch.setattr(torch, "get_num_threads", lambda: 99)
    ask(tmp_path, [0], extractor, what="other" if other == "what" else "data")
    assert extractor.network.seen
    assert len(list(tmp_path.glob("*.npy"))) == 2


def test_an_extractor_without_a_digest_is_not_kept(tmp_path):
    assert torch.equal(ask(tmp_path, [5], pixels(digest="")), IMAGES[[5]].flatten(1))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("damage", ["cut", "empty", "pickle", "text", "huge", "other"])
def test_a_damaged_or_foreign_file_is_computed_anew(tmp_path, damage):
    ask(tmp_path, range(10))
    path = only_file(tmp_path)
    content = path.read_bytes()
    if damage == "cut":
        path.write_bytes(content[:-7])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "pickle":
        np.save(path, np.array([{"a": 1}], object), allow_pickle=True)
    elif damage == "text":
        path.write_text("no numbers")
    elif damage == "huge":
        path.write_bytes(content.replace(b"(10,)", b"(9999999999,)"))
    else:
        np.save(path, np.zeros((3, 3)))
    for _ in range(2):
        extractor = pixels()
        assert torch.equal(ask(tmp_path, range(10), extractor), IMAGES[:10].flatten(1))
    assert extractor.network.seen == 0


@settings(max_examples=30, deadline=None)
@given(place=st.integers(0, 10**6), value=st.integers(1, 255))
def test_no_changed_byte_changes_a_feature(tmp_path_factory, place, value):
    folder = tmp_path_factory.mktemp("kept")
    ask(folder, range(4))
    path = only_file(folder)
    content = bytearray(path.read_bytes())
    content[place % len(content)] ^= value
    path.write_bytes(content)
    assert torch.equal(ask(folder, range(4)), IMAGES[:4].flatten(1))


def test_a_renamed_file_is_not_taken_for_another(tmp_path):
    ask(tmp_path / "one", range(4), what="one")
    ask(tmp_path / "two", range(4), what="two")
    only_file(tmp_path / "one").replace(only_file(tmp_path / "two"))
    extractor = pixels()
    ask(tmp_path / "two", range(4), extractor, what="two")
    assert extractor.network.seen


def test_several_write_at_once(tmp_path):
    parts = [list(range(start, start + 16)) for start in (0, 4, 8, 12, 16, 20)]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda rows: ask(tmp_path, rows), parts))
    for rows, features in zip(parts, found, strict=True):
        assert torch.equal(features, IMAGES[rows].flatten(1))
    assert torch.equal(ask(tmp_path, range(36)), IMAGES[:36].flatten(1))
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("loss", ["gone", "damaged", "other rows"])
def test_what_was_read_outlasts_a_loss_of_the_file(tmp_path, loss):
    ask(tmp_path, range(10))
    path = only_file(tmp_path)

    def meanwhile(missing):
        path.unlink()
        if loss == "damaged":
            path.write_bytes(b"no numbers")
        elif loss == "other rows":
            ask(tmp_path, range(30, 36))
        return IMAGES[missing]

    rows = np.arange(14)
    features = kept_features(tmp_path, "data", rows, extractor=pixels(), images=meanwhile)
    assert torch.equal(features, IMAGES[:14].flatten(1))
    extractor = pixels()
    assert torch.equal(ask(tmp_path, rows, extractor), features)
    assert extractor.network.seen == 0


def test_a_file_replaced_while_it_is_read_counts_as_it_was_opened(tmp_path, monkeypatch):
    ask(tmp_path, range(10))
    path = only_file(tmp_path)
    opened = type(path).open

    def replaced(self, mode):
        file = opened(self, mode)
        monkeypatch.undo()
        ask(tmp_path, range(20))
        return file

    monkeypatch.setattr(type(path), "open", replaced)
    extractor = pixels()
    assert torch.equal(ask(tmp_path, range(10), extractor), IMAGES[:10].flatten(1))
    assert extractor.network.seen == 0


def test_a_feature_is_the_same_bytes_in_any_company(tmp_path):
    extractor = efficientnet_lite0()
    together = features_of(IMAGES[:11], extractor)
    alone = torch.cat([features_of(IMAGES[i : i + 1], extractor) for i in (0, 7, 10)])
    assert torch.equal(alone, together[[0, 7, 10]])
    assert torch.equal(ask(tmp_path, [10, 2], extractor), together[[10, 2]])
    assert torch.equal(ask(tmp_path, range(11), extractor), together)
