import numpy as np
import pytest

from asked_people import asked_store
from mrigen.evaluation.conditions.questions import at_random, known_conditions, usual
from mrigen.models.interfaces import Condition
from small_conditional import CONDITIONS


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return asked_store(tmp_path_factory.mktemp("asked") / "heads")


def test_questions_are_spread_over_what_training_slices_held(store):
    known = known_conditions(CONDITIONS, store)
    training = store.manifest.iloc[store.positions("train")]
    asked = at_random(known, 40, seed=0)
    ages = np.array([question["age"] for question in asked])
    low, high = training["age"].min(), training["age"].max()
    parts = np.histogram(ages, 10, (low, high))[0]
    assert parts.tolist() == [4] * 10
    assert len(set(ages) & set(training["age"])) == 0
    assert sum(question["sex"] for question in asked) == 20
    places = [question["position_mm"] for question in asked]
    assert abs(np.corrcoef(ages, places)[0, 1]) < 0.35
    assert asked == at_random(known, 40, seed=0) != at_random(known, 40, seed=1)


def test_beside_what_is_looked_at_the_usual_is_asked_for(store):
    modality = Condition("modality", 0, 1, choices=("T2w", "T1w"))
    known = known_conditions((*CONDITIONS, modality), store)
    first, second = usual(known, 0), usual(known, 1)
    assert (first["sex"], second["sex"]) == (0, 1)
    assert first["modality"] == 1
    assert known["position_mm"].low < first["position_mm"] < known["position_mm"].high


def test_what_is_out_of_range_or_no_column_is_not_asked_for(store):
    strange = (Condition("age", 100, 120, "years"), Condition("mood", 0, 1))
    assert known_conditions(strange, store) == {}
