"""When a worker takes it that it is not the parameters that fail."""

from datetime import timedelta

from made_studies import START, made_study
from mrigen.stages.tuning.worker import same_failures
from mrigen.tuning.records import StudyRecord, TrialRecord, TrialState

FAILED, COMPLETE, LOST = TrialState.FAILED, TrialState.COMPLETE, TrialState.LOST


def study_of(*ends):
    """Return a study whose trials ended in this order."""
    trials = tuple(
        TrialRecord(number, state, {}, reason=reason, ended=START + timedelta(minutes=number))
        for number, (state, reason) in enumerate(ends)
    )
    return StudyRecord("unet-1-2", "unet", "discs", "1", ("dssim",), trials)


def test_three_trials_that_fail_alike_end_the_work():
    disk = (FAILED, "no disk")
    assert same_failures(study_of(disk, disk), ()) is None
    found = same_failures(study_of(disk, (LOST, "interrupted"), disk, disk), ())
    assert found is not None
    assert found.number == 3


def test_other_reasons_and_other_ends_do_not():
    disk, diverged = (FAILED, "no disk"), (FAILED, "diverged in step 3")
    assert same_failures(study_of(disk, diverged, disk, disk), ()) is None
    assert same_failures(study_of(diverged, disk, disk, disk), ()) is not None
    assert same_failures(study_of(disk, disk, diverged), ()) is None
    assert same_failures(study_of((COMPLETE, None), disk, disk, disk), ()) is None


def test_failures_of_an_earlier_command_do_not():
    disk = (FAILED, "no disk")
    assert same_failures(study_of(disk, disk, disk), {0}) is None
    assert same_failures(study_of(disk, disk, disk, disk), {0}) is not None


def test_a_common_study_goes_on():
    assert same_failures(made_study(), ()) is None
