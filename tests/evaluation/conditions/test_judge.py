import math

import numpy as np
import pytest
import torch

from asked_people import SIZE, Deaf, Untold, asked_case, asked_store, hole_mm2
from mrigen.evaluation.catalogue.listing import find_metric
from mrigen.evaluation.conditions.ageing import find_problem
from mrigen.evaluation.conditions.drawing import draw
from mrigen.evaluation.conditions.judge import judge_conditions
from mrigen.evaluation.conditions.questions import known_conditions
from small_conditional import CONDITIONS, SmallConditional
from small_models import build

READ = {"age/asked_error", "position_mm/asked_error", "sex/asked_accuracy"}
SHEETS = {"conditions_ages", "conditions_positions", "conditions_sex"}
GROWN = {"ventricle_areas", "conditions_ageing"}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return asked_store(tmp_path_factory.mktemp("asked") / "heads")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("judged")


@pytest.fixture(scope="module")
def obedient(store, folder):
    return judge_conditions(asked_case(store, SmallConditional(SIZE).eval(), folder))


@pytest.fixture(scope="module")
def deaf(store, folder):
    return judge_conditions(asked_case(store, Deaf(SIZE).eval(), folder))


def test_all_is_measured_drawn_and_in_the_catalogue(obedient):
    assert set(obedient.metrics) >= READ
    assert set(obedient.pictures) == SHEETS | GROWN | {"conditions_read"}
    assert set(obedient.tables) == {"conditions_read", "ventricle_growth", "ventricle_areas"}
    assert obedient.remarks == []
    assert all(math.isfinite(value) for value in obedient.metrics.values())
    assert all(find_metric(key) for key in obedient.metrics)


def test_a_network_that_does_as_it_is_asked_is_read_as_real_slices_are(obedient):
    numbers = obedient.metrics
    for name in ("age", "position_mm"):
        assert numbers[f"{name}/asked_correlation"] > 0.9
        assert numbers[f"{name}/asked_error"] < 3  # years of 62, and mm of 80
        ratio = numbers[f"{name}/asked_slope"] / numbers[f"{name}/asked_slope_of_real"]
        assert ratio == pytest.approx(1, abs=0.2)
    assert numbers["sex/asked_accuracy"] > 0.9


def test_a_network_that_does_not_listen_is_read_as_guessing(deaf):
    numbers = deaf.metrics
    for name in ("age", "position_mm"):
        assert abs(numbers[f"{name}/asked_correlation"]) < 0.5
        assert numbers[f"{name}/asked_error"] > 3 * numbers[f"{name}/asked_error_of_real"]
        assert abs(numbers[f"{name}/asked_slope"]) < 0.1
    assert numbers["sex/asked_accuracy"] < 0.8
    assert numbers["sex/asked_accuracy_of_real"] > 0.9


def test_holes_that_grow_with_the_age_are_measured(obedient, deaf):
    rows = obedient.tables["ventricle_areas"].rows
    areas = {row["age"]: row["mm2"] for row in rows if row["heads"] == "generated"}
    for age, area in areas.items():
        assert area == pytest.approx(hole_mm2(age), abs=40)
    slope = np.polyfit([3.0, 5.0, 8.0], [hole_mm2(age) for age in (30, 50, 80)], 1)[0]
    assert obedient.metrics["ventricle_growth"] == pytest.approx(slope, rel=0.1)
    assert obedient.metrics["ventricle_growth_of_real"] == pytest.approx(slope, rel=0.2)
    assert obedient.metrics["ventricle_growing_share"] == 1
    assert deaf.metrics["ventricle_growth"] == pytest.approx(0, abs=1e-9)
    assert deaf.metrics["ventricle_growing_share"] == 0


def test_tables_say_of_whom_numbers_are(obedient):
    lines = {row["heads"]: row for row in obedient.tables["ventricle_growth"].rows}
    assert [lines[name]["count"] for name in lines] == [4, 12, 12, 24]
    assert lines["real, both"]["low"] < lines["real, both"]["mm2_per_decade"]
    read = {
        (row["condition"], row["measure"]): row for row in obedient.tables["conditions_read"].rows
    }
    assert read["sex", "accuracy"]["guess"] == 0.5
    assert read["age", "error"]["unit"] == "years"
    assert read["age", "error"]["low"] <= read["age", "error"]["generated"]


def test_the_same_case_is_judged_alike(store, folder, obedient):
    again = judge_conditions(asked_case(store, SmallConditional(SIZE).eval(), folder))
    assert again == obedient


def test_noise_is_not_taken_for_ventricles(store, folder):
    class Noisy(SmallConditional):
        def sample(self, noise, conditions=None):
            return (super().sample(noise, conditions) + 0.4 * noise).clamp(0, 1)

    judged = judge_conditions(asked_case(store, Noisy(SIZE).eval(), folder))
    assert "ventricle_growth" not in judged.metrics
    assert "grainy" in " ".join(judged.remarks)
    assert "conditions_ageing" in judged.pictures


def test_a_network_that_is_told_no_age_has_no_ventricles_measured(store, folder):
    judged = judge_conditions(asked_case(store, Untold(SIZE).eval(), folder))
    assert set(judged.pictures) == {"conditions_positions", "conditions_read"}
    assert "not told 'age'" in " ".join(judged.remarks)


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        ({"modality": "T2w"}, "takes T1w slices"),
        ({"plane": "coronal"}, "takes axial slices"),
        ({"pixel_width_mm": None}, "a pixel size"),
        ({"age": 40.0}, "fewer than two"),
    ],
)
def test_what_cannot_be_measured_is_said(tmp_path, known, reason):
    store = asked_store(tmp_path / "heads", **known)
    case = asked_case(store, SmallConditional(SIZE).eval(), tmp_path)
    problem = find_problem(case, case.config.conditions, known_conditions(CONDITIONS, store))
    assert reason in problem


def test_what_is_not_known_of_slices_is_said(tmp_path):
    store = asked_store(tmp_path / "heads", sex=None, age=None)
    judged = judge_conditions(asked_case(store, SmallConditional(SIZE).eval(), tmp_path))
    assert {key.split("/")[0] for key in judged.metrics} == {"position_mm"}
    assert sum("was not asked for" in remark for remark in judged.remarks) == 2


@pytest.mark.parametrize("settings", [None, {}])
def test_other_networks_and_null_find_nothing(store, folder, settings):
    network = SmallConditional(SIZE) if settings is None else build("gan4")
    case = asked_case(store, network.eval(), folder)
    if settings is None:
        object.__setattr__(case, "config", case.config.model_copy(update={"conditions": None}))
    judged = judge_conditions(case)
    assert (judged.metrics, judged.pictures, judged.remarks) == ({}, {}, [])


def test_images_do_not_depend_on_what_is_drawn_beside_them(store, folder):
    case = asked_case(store, SmallConditional(SIZE).eval(), folder)
    asked = [{"age": 20.0 + place} for place in range(70)]
    together = draw(case, range(70), asked)
    assert torch.equal(together[66:], draw(case, range(66, 70), asked[66:]))
