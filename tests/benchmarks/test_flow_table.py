import math

from flow_results import Result
from flow_table import Row, in_words, plain, standing, table

from mrigen.metrics.intervals import Interval


def numbers(frechet, kernel=0.2, recall=0.5, coverage=0.5):
    return {
        "frechet_distance": frechet,
        "kernel_distance": kernel,
        "recall": recall,
        "coverage": coverage,
    }


def test_a_contender_is_held_against_the_smallest_frechet_distance():
    others = {"worse": numbers(90), "best": numbers(60, 0.1, 0.4, 0.3)}
    found = standing(numbers(20, 0.02, 0.6, 0.8), others)
    assert found.best == "best"
    assert math.isclose(found.frechet, 1 / 3)
    assert math.isclose(found.kernel, 0.2)
    assert (round(found.recall, 6), round(found.coverage, 6)) == (0.2, 0.5)
    assert found.agrees


def test_measures_that_contradict_each_other_are_said_to():
    found = standing(numbers(20, recall=0.1), {"best": numbers(60)})
    assert not found.agrees
    assert "do not agree" in in_words("flow", "the others", found)


def test_there_is_no_ratio_to_a_kernel_distance_below_zero():
    assert math.isnan(standing(numbers(20), {"best": numbers(60, -0.001)}).kernel)


def result(**more):
    return Result("flow", "id", {}, {}, None, draw_seconds={"": 1.5, "quick": 0.25}, **more)


def test_table_has_real_slices_first_and_each_way_to_draw():
    found = {"frechet_distance": Interval(20.0, 18.0, 22.0), "frechet_floor": Interval(6.0)}
    ways = [Row("flow", way, result(images=3200), found) for way in ("", "quick")]
    lines = table(ways).splitlines()
    assert lines[2].startswith("| real training slices | 6.0 | 1 |")
    assert lines[3].startswith("| flow | 20.0 (18.0 to 22.0) |")
    assert lines[3].endswith("| 3,200 | 0 | 0 | 1.50 |")
    assert lines[4].startswith("| flow, quick |")
    assert len({line.count("|") for line in lines}) == 1


def test_what_diverged_says_so_in_place_of_numbers():
    row = Row("flow", "", result(failure="diverged in step 3"), {})
    assert "diverged in step 3" in table([row]).splitlines()[-1]


def test_numbers_of_the_file_have_their_intervals():
    assert plain({"recall": Interval(0.5, 0.4, 0.6), "precision": Interval(0.7)}) == {
        "recall": [0.5, 0.4, 0.6],
        "precision": 0.7,
    }
