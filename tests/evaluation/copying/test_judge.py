import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from drawn_heads import DrawnStore, HandedInStacks, HandedQuickly, drawn_case, heads
from mrigen.evaluation.catalogue.listing import find_metric
from mrigen.evaluation.copying import judge
from mrigen.evaluation.copying.judge import judge_copying

STRANGERS = heads(range(100, 112))  # people of neither split


@pytest.fixture(scope="module")
def store():
    return DrawnStore()


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def replay(store):
    images = store.of("train")
    return images[np.linspace(0, len(images) - 1, 96).round().astype(int)]


def judged(store, cache, images, *, draw=False, **config):
    case = drawn_case(store, images, cache, **config)
    with pytest.MonkeyPatch.context() as patch:
        if not draw:  # a figure takes longer than all the rest
            for name in ("pairs_figure", "distances_figure"):
                patch.setattr(judge, name, lambda *_: b"")
        return judge_copying(case)


def share(store, cache, images):
    return judged(store, cache, images).metrics["copied_share"]


def noisy(images):
    generator = torch.Generator().manual_seed(0)
    return (images + 0.04 * torch.randn(images.shape, generator=generator)).clamp(0, 1)


COPIES = {
    "exact": lambda images: images,
    "noisy": noisy,
    "shifted": lambda images: torch.roll(images, (1, -2), (2, 3)),
    "brighter": lambda images: images * 1.2,
    "darker": lambda images: images * 0.6,
    "steeper": lambda images: images**1.2,
    "mirrored": lambda images: images.flip(-1),
    "mirrored and shifted": lambda images: torch.roll(images.flip(-1), 1, 3),
    "smooth": lambda images: functional.avg_pool2d(images, 3, 1, 1),
}


@pytest.mark.parametrize("kind", COPIES)
def test_copies_are_found(store, cache, replay, kind):
    assert share(store, cache, COPIES[kind](replay).clamp(0, 1)) > 0.95


def test_other_people_are_no_copies(store, cache):
    metrics = judged(store, cache, STRANGERS).metrics
    assert metrics["copied_share"] < 0.1
    assert metrics["copied_share_low"] <= metrics["copied_share"] <= metrics["copied_share_high"]
    assert metrics["copied_share_of_real"] < 0.1


def test_the_share_is_that_of_the_copies_among_the_samples(store, cache, replay):
    half = torch.stack([replay, STRANGERS], 1).flatten(0, 1)[:96]
    metrics = judged(store, cache, half).metrics
    assert metrics["copied_share"] == pytest.approx(0.5, abs=0.06)
    assert metrics["copied_share_low"] < 0.5 < metrics["copied_share_high"]


def test_smooth_images_which_are_near_to_everything_are_no_copies(store, cache):
    blurred = functional.avg_pool2d(STRANGERS, 5, 1, 2)
    average = store.of("train").mean(0, keepdim=True).expand(96, -1, -1, -1)
    assert share(store, cache, blurred) < 0.15
    assert share(store, cache, average) == 0


def test_somebody_under_two_names_does_not_hide_copies(cache):
    store = DrawnStore()
    store.pixels[8:16] = store.pixels[:8]
    images = store.of("train")[:16].repeat(6, 1, 1, 1)
    assert share(store, cache, images) == 1


def test_copies_of_the_quick_mode_are_found_by_themselves(store, cache, replay):
    network = HandedQuickly(STRANGERS, replay)
    metrics = judged(store, cache, STRANGERS, network=network).metrics
    assert metrics["copied_share"] < 0.1
    assert metrics["quick_copied_share"] > 0.95
    lows = metrics["copied_share_low"], metrics["quick_copied_share_low"]
    assert metrics["copied_share_excess"] == max(lows) - metrics["copied_share_of_real"] > 0.8


def test_copies_in_stacks_are_found_by_themselves(store, cache, replay):
    network = HandedInStacks(STRANGERS, replay)
    metrics = judged(store, cache, STRANGERS, network=network).metrics
    assert metrics["copied_share"] < 0.1
    assert metrics["stack_copied_share"] > 0.95
    found = metrics["stack_copied_share_low"] - metrics["copied_share_of_real"]
    assert metrics["copied_share_excess"] == found > 0.8


def test_stacks_that_are_drawn_as_all_else_are_not_searched_again(store, cache):
    network = HandedInStacks(STRANGERS)
    assert "stack_copied_share" not in judged(store, cache, STRANGERS, network=network).metrics


def test_without_a_quick_mode_copies_beyond_chance_are_the_usual_ones(store, cache, replay):
    others, copies = (judged(store, cache, each).metrics for each in (STRANGERS, replay))
    assert "quick_copied_share" not in others
    assert others["copied_share_excess"] < 0.05 < 0.8 < copies["copied_share_excess"]


def test_empty_images_are_no_copies(store, cache):
    judgement = judged(store, cache, torch.zeros(96, 1, 32, 32))
    assert judgement.metrics["copied_share"] == 0
    assert all(math.isfinite(value) for value in judgement.metrics.values())


def test_the_other_numbers_tell_copies_from_other_people_too(store, cache, replay):
    copies, others = judged(store, cache, replay).metrics, judged(store, cache, STRANGERS).metrics
    assert copies["authenticity"] == copies["copy_distance_ratio"] == 0
    for name in ("authenticity", "copy_distance_ratio"):
        assert others[name] == pytest.approx(others[f"{name}_of_real"], abs=0.25)
    assert others["copy_distance_ratio_of_real"] == pytest.approx(1, abs=0.15)
    assert copies["copied_share_of_real"] == others["copied_share_of_real"]


def test_what_is_found_is_shown_without_names(store, cache, replay):
    mixed = torch.cat([STRANGERS[:90], replay[40:46].flip(-1)])
    judgement = judged(store, cache, mixed, draw=True, copying={"shown_pairs": 6}, seed=7)
    table, picture = judgement.tables["copying_pairs"], judgement.pictures["copying_pairs"]
    assert {row["seed"] for row in table.rows} == {7 + place for place in range(90, 96)}
    rows = np.linspace(0, 127, 96).round().astype(int)[40:46]
    assert {row["training_row"] for row in table.rows} == set(rows.tolist())
    assert {(row["copied"], row["mirrored"]) for row in table.rows} == {("yes", "yes")}
    assert all(row["test_row"] >= 128 for row in table.rows)
    assert "p0" not in table.csv()
    assert "do not share" in picture.description
    assert picture.png.startswith(b"\x89PNG")
    assert judgement.pictures["copying_distances"].png.startswith(b"\x89PNG")


def test_the_same_case_gives_the_same_bytes(store, cache):
    first, second = (
        judged(store, cache, STRANGERS, draw=True, copying={"shown_pairs": 2}) for _ in range(2)
    )
    assert first == second


def test_all_numbers_are_in_the_catalogue(store, cache):
    for name in judged(store, cache, STRANGERS).metrics:
        assert find_metric(name).task == "copying"


def test_a_limited_search_is_told(store, cache, replay):
    judgement = judged(store, cache, replay, copying={"train_slices": 64})
    assert "among 64 of 128 training slices" in judgement.remarks[0]
    assert judgement.metrics["copied_share"] > 0.5


def test_the_same_person_in_both_splits_is_told_or_left_out(cache):
    store = DrawnStore()
    store.pixels[-8:] = store.pixels[:8]
    twin = judged(store, cache, STRANGERS)
    assert "8 real test slices equal a training slice of another subject" in twin.remarks[0]
    copies = store.of("train")[np.linspace(0, 127, 96).round().astype(int)]
    assert share(store, cache, copies) == share(store, cache, torch.roll(copies, 1, 3)) == 1
    assert twin.metrics["copied_share"] < 0.1
    store.manifest.loc[store.manifest.index[-8:], "subject"] = "p00"
    known = judged(store, cache, STRANGERS)
    assert known.remarks == []
    assert known.metrics["copied_share_of_real"] < 0.1


@pytest.mark.parametrize(
    ("people", "samples"), [((16, 12), 10), ((16, 1), 96), ((2, 12), 96), ((16, 2), 96)]
)
def test_too_few_are_told_and_not_measured(cache, people, samples):
    judgement = judged(DrawnStore(*people), cache, STRANGERS[:samples])
    assert judgement.metrics == {}
    assert len(judgement.remarks) == 1
    assert judgement.remarks[0].startswith("Copies were not looked for")


def test_people_of_both_splits_are_no_control_at_all(cache, replay):
    store = DrawnStore(16, 2)
    store.pixels[-1:] = store.pixels[:1]
    judgement = judged(store, cache, replay)
    assert judgement.metrics == {}
    assert "real test slices of 1 subjects" in judgement.remarks[0]
    assert "1 real test slices equal a training slice" in judgement.remarks[1]


def test_empty_slices_make_nobody_the_same_person(cache):
    store = DrawnStore()
    store.pixels[7::8] = 0
    judgement = judged(store, cache, STRANGERS)
    assert judgement.remarks == []


def test_few_test_subjects_are_told(cache, replay):
    judgement = judged(DrawnStore(16, 3), cache, replay)
    assert "learned from 3 test subjects" in judgement.remarks[0]
    assert judgement.metrics["copied_share"] > 0.95


def test_what_generates_nothing_is_not_judged(store, cache):
    for judgement in (
        judged(store, cache, STRANGERS, network=torch.nn.Identity()),
        judged(store, cache, STRANGERS, copying=None),
    ):
        assert (judgement.metrics, judgement.remarks) == ({}, [])
