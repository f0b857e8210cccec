import csv
import json
from dataclasses import replace
from io import StringIO

from made_studies import SEARCH, made_study
from mrigen.tuning.records import TrialState
from mrigen.tuning.tables import study_json, trials_csv


def rows_of(record):
    return list(csv.DictReader(StringIO(trials_csv(record))))


def test_every_trial_has_a_line_with_its_exact_parameters():
    record = made_study()
    rows = rows_of(record)
    assert len(rows) == len(record.trials)
    for row, trial in zip(rows, record.trials, strict=True):
        assert float(row["training.learning_rate"]) == trial.params["training.learning_rate"]
        components = trial.params.get("network.sampling.components")
        assert row["network.sampling.components"] == ("" if components is None else str(components))
        assert row["frechet_distance"] == (str(trial.values[0]) if trial.values else "")


def test_a_line_says_how_its_trial_ended():
    failed, lost, retry = rows_of(made_study())[5:8]
    assert (failed["state"], failed["frechet_distance"]) == ("failed", "")
    assert "diverged" in failed["reason"]
    assert lost["state"] == "lost"
    assert retry["retry_of"] == "6"
    assert (retry["state"], retry["last_look_epoch"]) == ("pruned", "9")


def test_both_objectives_have_a_column():
    row = rows_of(made_study(seconds=True))[0]
    assert float(row["seconds"]) == float(row["training_seconds"])


def test_null_and_truth_are_written_as_in_params_yaml():
    record = made_study(2)
    odd = replace(record.trials[1], params={"network.code_prior": None, "training.flag": True})
    row = rows_of(replace(record, trials=(odd,)))[0]
    assert (row["network.code_prior"], row["training.flag"]) == ("null", "true")


def test_the_json_has_everything_and_names_the_best():
    record = made_study()
    content = json.loads(study_json(record, SEARCH))
    assert content["best"] == record.best.number
    assert content["counted"] == 24
    assert content["search"]["parameters"]["training.learning_rate"]["float"] == [3e-4, 1e-2]
    running = content["trials"][-1]
    assert (running["state"], running["ended"]) == (TrialState.RUNNING.value, None)
    assert running["looks"] == {"3": record.trials[-1].looks[3]}
