from dataclasses import replace

import pytest

from made_studies import made_study
from mrigen.tuning.records import TrialState
from mrigen.tuning.wording import (
    in_short,
    short_names,
    spoken_best,
    spoken_score,
    spoken_trial,
)


def only(record, *numbers):
    return replace(record, trials=tuple(record.trials[number] for number in numbers))


def test_names_that_would_be_the_same_keep_what_tells_them_apart():
    paths = ["network.depth", "network.discriminator.depth", "training.learning_rate"]
    assert short_names(paths) == {
        "network.depth": "network.depth",
        "network.discriminator.depth": "discriminator.depth",
        "training.learning_rate": "learning_rate",
    }


def test_a_path_that_ends_another_is_written_whole():
    assert short_names(["training.rate", "network.training.rate"])["training.rate"] == (
        "training.rate"
    )


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0, "trial 0 (baseline) complete, frechet_distance "),
        (5, "trial 5 failed: training diverged in step 41, where 'loss' is nan"),
        (6, "trial 6 lost: its worker was killed"),
    ],
)
def test_a_trial_is_told_with_its_score_or_its_reason(number, expected):
    record = made_study()
    assert spoken_trial(record.trials[number], record.objectives).startswith(expected)


def test_a_pruned_trial_is_told_with_its_last_look():
    record = made_study()
    trial = next(trial for trial in record.trials if trial.state is TrialState.PRUNED)
    score = spoken_score(trial.looks[9])
    assert spoken_trial(trial, record.objectives) == (
        f"trial {trial.number} pruned, frechet_distance {score}: behind the others after epoch 9"
    )


def of_two(baseline, best):
    record = made_study()
    first = replace(record.trials[0], values=(baseline,))
    second = replace(first, number=1, baseline=False, values=(best,))
    return replace(record, trials=(first, second))


@pytest.mark.parametrize(
    ("best", "told"),
    [
        (40.0, "best frechet_distance 40 of trial 1 against 50 of the baseline (-20%)"),
        (49.8, "best frechet_distance 49.8 of trial 1 against 50 of the baseline (-0.4%)"),
        (60.0, "best frechet_distance 50, the baseline's"),
    ],
)
def test_the_best_is_told_against_the_baseline(best, told):
    assert spoken_best(of_two(50.0, best)) == told


def test_a_study_is_told_with_what_to_do_next():
    record = made_study()
    ended, found, advice = in_short(record)
    assert ended.startswith("24 trials of 'vae': 1 running, ")
    assert ended.endswith(" pruned, 1 failed.")
    assert found.startswith(f"Trial {record.best.number} has the smallest frechet_distance, ")
    assert found.endswith(" of the baseline, the parameters that stood in params.yaml.")
    assert "'mrigen tune confirm vae'" in advice
    assert "'mrigen tune promote vae'" in advice


def test_a_study_with_fewer_trials_than_asked_for_says_so():
    record = only(made_study(), 5)
    assert in_short(record, 9)[0] == "1 of 9 trials of 'vae': 1 failed."
    assert in_short(record, 1)[0] == "1 trial of 'vae': 1 failed."


def test_a_study_that_found_nothing_better_says_so():
    told = in_short(only(made_study(), 0, 5))
    assert told[0] == "2 trials of 'vae': 1 complete, 1 failed."
    assert told[1].endswith("there is nothing to change.")
    assert len(told) == 2


def test_a_study_that_still_runs_does_not_conclude():
    record = made_study()
    told = in_short(only(record, 0, len(record.trials) - 1))
    assert told[1].startswith("None has a smaller frechet_distance so far than the baseline, ")
    assert "nothing to change" not in told[1]


def test_a_study_without_scores_names_no_best():
    failed = only(made_study(), 5)
    assert spoken_best(failed) is None
    assert in_short(failed) == [
        "1 trial of 'vae': 1 failed.",
        "None is complete, so there is no best one yet.",
    ]


def test_a_study_without_a_baseline_compares_with_none():
    record = made_study()
    record = only(record, record.best.number)
    assert "baseline" not in spoken_best(record)
    assert "params.yaml" not in in_short(record)[1]


def test_a_study_of_both_names_its_front():
    record = made_study(seconds=True)
    told = in_short(record)
    assert all(f"trial {trial.number} (" in told[2] for trial in record.front)
    assert "'mrigen tune promote vae --trial NUMBER'" in told[3]


def test_a_study_of_both_whose_baseline_scores_best_still_names_its_front():
    record = made_study(seconds=True)
    first = replace(record.trials[0], values=(1.0, 500.0))
    told = in_short(replace(record, trials=(first, *record.trials[1:])))
    assert "nothing to change" not in told[1]
    assert told[2].startswith("None beats one of these in both frechet_distance and seconds: ")
    assert "trial 0 (1 in 500 s), trial " in told[2]


def test_a_study_of_both_with_one_winner_needs_no_choice():
    record = made_study(seconds=True)
    first = replace(record.trials[0], number=1, baseline=False, values=(1.0, 1.0))
    told = in_short(replace(record, trials=(record.trials[0], first)))
    assert told[2] == "None beats trial 1 in either of frechet_distance and seconds."
    assert "'mrigen tune promote vae'" in told[3]
