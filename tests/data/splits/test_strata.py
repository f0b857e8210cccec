from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

import phantoms
from mrigen.data.splits.assignment import assign_splits
from mrigen.data.splits.config import SplitConfig
from mrigen.data.splits.people import gather_people
from mrigen.data.splits.strata import spread, stratum_of


@given(st.lists(st.integers(0, 40), min_size=1, max_size=8))
def test_labels_are_spread_evenly(counts):
    counts = dict(enumerate(counts))
    order, total = spread(counts), sum(counts.values())
    assert Counter(order) == Counter(counts)
    bound = 1 - 1 / max(2, 2 * len(counts) - 2)
    given_so_far = Counter()
    for place, label in enumerate(order, start=1):
        given_so_far[label] += 1
        for other, count in counts.items():
            assert abs(given_so_far[other] - place * count / total) <= bound + 1e-9


def stratum(config, **traits):
    (person,) = gather_people([phantoms.slice_record(**traits)])
    return stratum_of(person, SplitConfig(**config))


def test_traits_make_a_stratum_and_unknown_ones_their_own():
    traits = {"age": 25.0, "sex": "f", "ethnicity": "Chinese", "site": "HH"}
    config = {"stratify": ["age_group", "sex", "ethnicity", "site"]}
    assert stratum(config, **traits) == ("25 to 65", "f", "Chinese", "HH")
    grouped = config | {"ethnicities": ["White"], "age_edges": [40]}
    assert stratum(grouped, **traits) == ("under 40", "f", "other", "HH")
    assert stratum(grouped, ethnicity="White") == ("unknown", "unknown", "White", "unknown")


def test_traits_come_from_the_first_file_that_knows():
    records = [
        phantoms.slice_record(path="a", age=None, sex="f"),
        phantoms.slice_record(path="b", age=30.0, sex="m"),
    ]
    for order in (records, records[::-1]):
        (person,) = gather_people(order)
        assert (person.age, person.sex) == (30.0, "f")


def test_the_strata_of_a_study_give_their_shares():
    # A cohort of 563 with three age groups, two sexes, and two ethnicities of 80 and 20 percent.
    records = [
        phantoms.slice_record(
            f"ixi/IXI{n:03d}",
            age=20.0 if n % 14 == 0 else 70.0 if n % 11 < 2 else 45.0,
            sex="mf"[n % 9 > 3],
            ethnicity="White" if n * 7 % 10 < 8 else ("Chinese", "Other")[n % 2],
        )
        for n in range(563)
    ]
    config = SplitConfig(
        train=0.78, validation=0.14, test=0.08, stratify=("age_group", "sex", "ethnicity"),
        ethnicities=("White",),
    )  # fmt: skip
    strata = assign_splits(records, config).strata
    assert len(strata) == 12
    assert sum(row["test"] for row in strata.values()) == 45
    for row in strata.values():
        size = sum(row.values())
        assert abs(row["test"] - 0.08 * size) < 1.5
        assert abs(row["validation"] - 0.14 * size) < 1.5
