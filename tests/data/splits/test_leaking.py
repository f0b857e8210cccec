from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import phantoms
from mrigen.data.records import ScanSlices
from mrigen.data.slicing.dataset import DatasetConfig
from mrigen.data.splits.config import SPLITS, SplitConfig
from mrigen.data.splits.leaking import check_disjoint, deal_slices
from mrigen.data.splits.people import person_key
from mrigen.data.store.slice_store import SliceStore
from mrigen.data.store.writing import write_store
from mrigen.errors import DataError


def volumes(count, slices=30, prefix="ixi/IXI"):
    return [
        phantoms.slice_record(f"{prefix}{number:03d}", index=index)
        for number in range(count)
        for index in range(160, 160 + slices)
    ]


def manifest_of(records, splits):
    rows = [(record.subject, split) for record, split in zip(records, splits, strict=True)]
    return pd.DataFrame(rows, columns=["subject", "split"])


def test_tablado_deals_28_and_2_slices_of_every_volume():
    records = volumes(7)
    dealt = deal_slices(records, SplitConfig(leaking="tablado"))
    counts = Counter((r.subject, split) for r, split in zip(records, dealt.splits, strict=True))
    assert set(counts.values()) == {28, 2}
    assert len(counts) == 14
    tested = {r.index for r, split in zip(records, dealt.splits, strict=True) if split == "test"}
    assert len(tested) > 4  # each volume is shuffled by itself
    (warning,) = dealt.warnings
    assert "split 'tablado' puts slices of the same 7 subjects into train and test" in warning


@pytest.mark.parametrize(("slices", "tested"), [(11, 1), (20, 1), (21, 2), (30, 2), (51, 5)])
def test_tablado_tests_positions_above_nine_tenths(slices, tested):
    dealt = deal_slices(volumes(1, slices), SplitConfig(leaking="tablado"))
    assert Counter(dealt.splits)["test"] == tested == sum(i > 0.9 * slices for i in range(slices))


def test_too_few_slices_to_leak_are_a_data_error():
    with pytest.raises(DataError, match="split 'tablado' of 20 slices leaves nothing for test"):
        deal_slices(volumes(2, 10), SplitConfig(leaking="tablado"))


def test_tablado_shuffles_the_pictures_of_a_subject_together():
    records = [
        phantoms.slice_record(f"p/{subject}", path=f"{subject}_{index}.png", spacing_mm=None)
        for subject in "ab"
        for index in range(30)
    ]
    dealt = deal_slices(records, SplitConfig(leaking="tablado"))
    assert Counter(dealt.splits[:30]) == Counter(dealt.splits[30:]) == {"train": 28, "test": 2}


def test_tablado_takes_the_declarations_of_slices():
    declared = ["train", "test", None, "test"]
    records = [
        phantoms.slice_record("p/a", index=index, declared_split=split)
        for index, split in enumerate(declared)
    ]
    config = SplitConfig(leaking="tablado", declared=True)
    assert deal_slices(records, config).splits == ["train", "test", "train", "test"]


def test_every_declared_split_that_leaks_is_warned_of():
    declared = {"a": ["train", "validation"], "b": ["train", "validation"], "c": ["test", "test"]}
    records = [
        phantoms.slice_record(f"p/{subject}", index=index, declared_split=split)
        for subject, splits in declared.items()
        for index, split in enumerate(splits)
    ]
    config = SplitConfig(leaking="tablado", declared=True)
    (warning,) = deal_slices(records, config).warnings
    assert "the same 2 subjects into train and validation: numbers" in warning
    both = [*records, phantoms.slice_record("p/a", index=2, declared_split="test")]
    assert ["validation slices" in text for text in deal_slices(both, config).warnings] == [
        True,
        False,
    ]


@pytest.mark.parametrize("source", ["fixed", "declared"])
def test_arnaiz_tests_on_other_people_and_shuffles_the_rest(source):
    records = [
        phantoms.slice_record(f"ixi/IXI{n:03d}", index=i, declared_split="test" if n < 2 else None)
        for n in range(12)
        for i in range(10)
    ]
    chosen = {"fixed": {"test": ["IXI000", "IXI001"]}} if source == "fixed" else {"declared": True}
    dealt = deal_slices(records, SplitConfig(leaking="arnaiz", **chosen))
    assert dealt.splits[:20] == ["test"] * 20
    assert Counter(dealt.splits[20:]) == {"train": 85, "validation": 15}
    assert "'arnaiz' puts slices of the same " in dealt.warnings[0]
    assert "into train and validation" in dealt.warnings[0]
    check_disjoint(manifest_of(records, dealt.splits), leaking="arnaiz")


def test_his_test_subjects_in_the_published_numbers():
    # 534 volumes with 54,454 slices for training and validation, 47 with 4,824 for the test.
    counts = [102] * 533 + [54454 - 533 * 102] + [102] * 46 + [4824 - 46 * 102]
    records = [
        phantoms.slice_record(f"ixi/IXI{number:03d}", index=index)
        for number, count in enumerate(counts)
        for index in range(count)
    ]
    fixed = {"test": [f"IXI{number:03d}" for number in range(534, 581)]}
    splits = deal_slices(records, SplitConfig(leaking="arnaiz", fixed=fixed)).splits
    assert Counter(splits) == {"train": 46285, "validation": 8169, "test": 4824}


@pytest.mark.parametrize("leak", [{"leaking": "tablado"}, {"leaking": "arnaiz"}])
def test_leaks_are_seeded_and_free_of_order(leak):
    if leak["leaking"] == "arnaiz":
        leak = leak | {"fixed": {"test": ["IXI001"]}}
    records = volumes(5)
    first = deal_slices(records, SplitConfig(**leak)).splits
    assert deal_slices(records[::-1], SplitConfig(**leak)).splits == first[::-1]
    assert deal_slices(records, SplitConfig(**leak, seed=1)).splits != first


def test_a_subject_in_two_splits_is_a_data_error():
    manifest = pd.DataFrame({"subject": ["a", "b", "a"], "split": ["train", "train", "test"]})
    for leaking in (None, "arnaiz"):
        with pytest.raises(DataError, match="subject 'a' is in the splits test and train"):
            check_disjoint(manifest, leaking=leaking)
    check_disjoint(manifest, leaking="tablado")


def test_two_spellings_in_two_splits_are_a_data_error():
    manifest = pd.DataFrame(
        {"subject": ["s/Jos\u00e9", "s/JOSE\u0301"], "split": ["train", "test"]}
    )
    with pytest.raises(DataError, match="is in the splits test and train"):
        check_disjoint(manifest)


def test_an_unknown_split_is_a_data_error():
    manifest = pd.DataFrame({"subject": ["a"], "split": ["holdout"]})
    for leaking in (None, "tablado"):
        with pytest.raises(DataError, match="split 'holdout'"):
            check_disjoint(manifest, leaking=leaking)


NAMES = st.sampled_from(["A", "a", "b", "\u00e9", "E\u0301", "e\u0301", "x/y", "X/Y", *"cdefgh"])


@st.composite
def scans(draw):
    """Scans of people whose names may be spelled twice, some with several files or the same one."""
    found = []
    for number, name in enumerate(draw(st.lists(NAMES, min_size=5, max_size=25))):
        traits = {
            "age": draw(st.none() | st.floats(18, 90)),
            "sex": draw(st.sampled_from(["m", "f", None])),
            "site": draw(st.sampled_from(["Guys", "HH", None])),
            "declared_split": draw(st.sampled_from([*SPLITS, None, None, None])),
        }
        kind = draw(st.integers(0, 9)) if draw(st.booleans()) else number + 10
        count = draw(st.integers(1, 3))  # a copy may have more slices than the first
        records = [
            phantoms.slice_record(f"s/{name}", path=f"{number}.nii", index=i, **traits)
            for i in range(count)
        ]
        pixels = np.random.default_rng(kind).integers(0, 255, (count, 16, 16))
        found.append(ScanSlices(pixels.astype(np.uint8), records))
    return found


@st.composite
def schemes(draw, people):
    """Any split that is not a leaking one."""
    values = {"train": 0.6, "validation": 0.2, "test": 0.2, "seed": draw(st.integers(0, 9))}
    kind = draw(st.sampled_from(["shares", "fixed", "folds", "declared"]))
    if kind == "declared":
        return SplitConfig(declared=True)
    if kind == "fixed":
        values["fixed"] = {"test": [draw(st.sampled_from(people)).partition("/")[2], "missing"]}
    if kind == "folds":
        values |= {"folds": 2, "fold": draw(st.integers(0, 1))}
    values["stratify"] = draw(st.sets(st.sampled_from(["age_group", "sex", "site"])))
    return SplitConfig(**values)


@settings(deadline=None, max_examples=60)
@given(scans=scans(), data=st.data(), order=st.randoms())
def test_nobody_is_ever_in_two_splits(tmp_path_factory, scans, data, order):
    people = {person_key(scan.records[0].subject) for scan in scans}
    assume(len(people) >= 5)
    order.shuffle(scans)
    split = data.draw(schemes(sorted(scan.records[0].subject for scan in scans)))
    folder = tmp_path_factory.mktemp("leak") / "heads"
    config = DatasetConfig(source="phantoms", size=16, split=split)
    try:
        write_store(folder, scans, config=config)
    except DataError as error:
        # Copies may leave too few people, or nobody on the list; two files may contradict.
        words = ("cannot fill", "none of the", "the cohort puts subject", "declares no splits")
        assert any(word in str(error) for word in words)  # noqa: PT017
        return
    store = SliceStore(folder)
    places, pictures = {}, {}
    for row, (subject, split) in enumerate(
        zip(store.manifest["subject"], store.manifest["split"], strict=True)
    ):
        places.setdefault(person_key(subject), set()).add(split)
        pictures.setdefault(store.read([row]).tobytes(), set()).add(split)
    assert {len(found) for found in (*places.values(), *pictures.values())} == {1}
    assert set.union(*places.values()) <= set(SPLITS)


@pytest.mark.parametrize("leaking", [None, "tablado"])
def test_a_store_leaks_only_where_its_summary_says_so(tmp_path, leaking):
    split = SplitConfig(leaking=leaking)
    store = phantoms.slice_store(tmp_path / "heads", slices=30, split=split)
    assert store.leaking == leaking
    shared = store.manifest.groupby("subject")["split"].nunique().max()
    assert shared == (2 if leaking else 1)
    assert len(store.warnings) == shared - 1
    if leaking:
        summary = store.path / "summary.json"
        summary.write_text(summary.read_text().replace('"leaking": "tablado"', '"leaking": null'))
        assert '"leaking": null' in summary.read_text()
        with pytest.raises(DataError, match="is in the splits test and train"):
            SliceStore(store.path)
