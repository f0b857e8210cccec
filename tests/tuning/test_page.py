from dataclasses import replace

import pytest

from made_studies import BASELINE, SEARCH, made_study
from mrigen.page.document import Picture
from mrigen.tuning.page import StudyPage, render_study
from mrigen.tuning.records import TrialState
from parsed_page import ParsedPage

PICTURES = {"history": Picture("Trial by trial", "scores by trial", b"png")}


def page_of(record, **words):
    present = words.pop("present", BASELINE)
    page = StudyPage(record=record, search=SEARCH, pictures=PICTURES, present=present, **words)
    return ParsedPage(render_study(page))


def test_the_page_needs_nothing_but_itself():
    page = page_of(made_study())
    assert page.open == []
    assert not page.attributes("script")
    assert all(image["src"].startswith("data:image/png") for image in page.attributes("img"))
    outside = [link["href"] for link in page.attributes("a") if not link["href"].startswith("#")]
    assert outside == ["trials.csv", "study.json"]


def test_every_link_inside_the_page_has_its_target():
    page = page_of(made_study())
    places = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    inside = {link["href"][1:] for link in page.attributes("a") if link["href"].startswith("#")}
    assert inside <= places


def test_the_best_stands_beside_what_is_in_params_yaml():
    record = made_study()
    page = page_of(record)
    assert f"best, trial {record.best.number}" in page.text
    assert "params.yaml now" in page.text
    assert " baseline 0.001" not in page.text  # the same as params.yaml


def test_a_promoted_study_still_shows_its_baseline():
    record = made_study()
    page = page_of(record, present=record.best.params)
    assert "params.yaml now baseline best, trial" in page.text


def test_failed_trials_are_told_with_their_reason():
    record = made_study()
    failed = replace(record.trials[8], state=TrialState.FAILED, values=(), reason="out of memory")
    again = replace(record.trials[9], state=TrialState.FAILED, values=(), reason="out of memory")
    trials = (*record.trials[:8], failed, again, *record.trials[10:])
    text = page_of(replace(record, trials=trials)).text
    assert "Trials 8, 9 failed: out of memory." in text
    assert "Trial 5 failed: training diverged in step 41" in text
    assert "runs trial 6 again" in text


def test_a_best_value_at_an_end_of_its_range_is_told():
    record = made_study()
    best = {**record.best.params, "network.latent_size": 96}
    at_end = replace(record.best, params=best, values=(1.0,))
    text = page_of(replace(record, trials=(*record.trials, at_end))).text
    assert "at an end of what was searched in latent_size (96):" in text
    assert "at an end" not in page_of(record).text


def test_reasons_and_values_are_text_and_never_markup():
    record = made_study(3)
    evil = "<script>alert(1)</script>"
    odd = replace(record.trials[1], params={"network.name2": evil}, reason=evil)
    trials = (record.trials[0], odd, *record.trials[2:])
    page = page_of(replace(record, trials=trials))
    assert not page.attributes("script")
    assert evil in page.text


def test_a_study_under_way_says_so_and_one_that_is_over_does_not():
    record = made_study()
    assert "1 trial had not ended when this page was made" in page_of(record).text
    over = replace(record, trials=record.trials[:-1])
    assert "had not ended" not in page_of(over).text


def test_without_a_confirmation_the_page_asks_for_one():
    assert "Not confirmed yet" in page_of(made_study()).text
    page = page_of(made_study(), confirmation=["The gain is 1.2 with other seeds."])
    assert "The gain is 1.2 with other seeds." in page.text
    assert "Not confirmed yet" not in page.text


def test_nothing_is_to_be_promoted_before_a_trial_is_complete():
    record = made_study()
    failed = (record.trials[5],)
    page = page_of(replace(record, trials=failed))
    assert "mrigen tune promote" not in page.text
    assert "until a trial is complete" in page.text


def test_where_the_baseline_is_best_there_is_nothing_to_promote():
    record = made_study()
    best = replace(record.trials[0], values=(1.0,))
    text = page_of(replace(record, trials=(best, *record.trials[1:-1]))).text
    assert "there is nothing to change" in text
    assert "mrigen tune promote" not in text
    assert "Not confirmed yet" not in text


@pytest.mark.parametrize("command", ["confirm", "promote"])
def test_a_study_of_score_and_time_asks_which_trial(command):
    record = made_study(seconds=True)
    text = page_of(record).text
    assert f"mrigen tune {command} vae --trial NUMBER" in text
    assert all(f"trial {trial.number}" in text for trial in record.front[:5])
    assert "seconds of training" in text


def test_the_same_study_gives_the_same_bytes():
    page = StudyPage(record=made_study(), search=SEARCH, pictures=PICTURES, present=BASELINE)
    assert render_study(page) == render_study(page)
