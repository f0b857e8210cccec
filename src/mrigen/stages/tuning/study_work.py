"""The work on a study from its first worker to its report."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mrigen.errors import MrigenError, TrackingError, TuningError
from mrigen.project import Project
from mrigen.stages.interrupts import held_interrupts
from mrigen.stages.tuning.crew import Crew
from mrigen.stages.tuning.display import StudyDisplay
from mrigen.stages.tuning.report import STUDY, write_report
from mrigen.stages.tuning.tracking import close_lost_runs, log_study
from mrigen.stages.tuning.worker import SAME_FAILURES, Assignment, same_failures
from mrigen.tracking.run import Status
from mrigen.tracking.tracker import Tracker
from mrigen.tuning.records import StudyRecord
from mrigen.tuning.shared_study import SharedStudy
from mrigen.tuning.tables import study_json

# How often the study is asked where it stands, at least.
_SECONDS = 1.0

# A note in the study: how many trials it had when MLflow was told of it last.
_REPORTED = "reported"

_log = logging.getLogger(__name__)


@dataclass
class StudyWork:
    """A study that this command works on.

    Attributes
    ----------
    project, study
        The project folder, and the study in its storage.
    tracker, run
        The MLflow store, and the id of the study's run in it.
    """

    project: Project
    study: SharedStudy
    tracker: Tracker
    run: str

    def work_off(
        self, assignments: Sequence[Assignment], *, total: int, progress: bool
    ) -> StudyRecord:
        """Have workers run trials until none is left to begin, and write the report.

        Parameters
        ----------
        assignments
            One a worker; none if nothing is left.
        total
            Trials that are to count in the end.
        progress
            Show where the study stands.

        Raises
        ------
        KeyboardInterrupt
            After Ctrl-C or SIGTERM, when workers have given their trials back.
        MrigenError, OSError
            If something cannot be used any more, or trials fail one after the other.
        """
        status: Status = "FAILED"
        try:
            if self._run(assignments, total=total, progress=progress):
                raise KeyboardInterrupt
            if assignments:
                self._refuse_same_failures(assignments[0].earlier)
            status = "FINISHED"
        except KeyboardInterrupt:
            status = "KILLED"
            raise
        finally:
            self._end(status)
        record = self.study.record()
        if self.study.exhausted and len(record.counted) < total:
            _log.info(
                "%s: everything in the space has been tried: %d trials instead of %d.",
                *(record.model, len(record.counted), total),
            )
        return record

    def _run(self, assignments: Sequence[Assignment], *, total: int, progress: bool) -> bool:
        plan = self.study.plan
        display = StudyDisplay(
            plan.model, plan.objectives, total=total, workers=len(assignments), shown=progress
        )
        ended = _count_ended(self.study.record())
        with display, held_interrupts() as asked_to_stop, Crew(assignments) as crew:
            while crew.is_at_work:
                crew.tend(_SECONDS, is_work_left=lambda: self._is_work_left(assignments[0]))
                record = self.study.record()
                display.update(record)
                if _count_ended(record) > ended:
                    ended = _count_ended(record)
                    crew.note_end()
                    self._tell_mlflow(record)
                if asked_to_stop():
                    crew.stop()
            return asked_to_stop()

    def _is_work_left(self, assignment: Assignment) -> bool:
        self.study.tidy()
        return not assignment.is_over and self.study.left(assignment.total) > 0

    def _tell_mlflow(self, record: StudyRecord) -> None:
        try:
            log_study(self.tracker, record, run=self.run)
        except TrackingError as error:
            _log.warning("%s The study itself has all its trials.", error)

    def _refuse_same_failures(self, earlier: Collection[int]) -> None:
        failed = same_failures(self.study.record(), earlier)
        if failed is not None:
            raise TuningError(
                f"{SAME_FAILURES} trials of '{self.study.plan.model}' failed one after the other, "
                f"and none did not ({failed.reason}): expected one that is trained. Mend that or "
                "the search block, and go on with the same command."
            )

    def _end(self, status: Status) -> None:
        try:
            self.study.tidy()
            record = self.study.record()
            close_lost_runs(self.tracker, record, run=self.run)
            page = write_report(self.project, record, search=self.study.plan.search)
            log_study(self.tracker, record, page.parent, run=self.run, status=status)
            self.study.set_note(_REPORTED, len(record.trials))
        except (MrigenError, OSError) as error:
            if status == "FINISHED":
                raise
            _log.warning("%s", error)  # the first error is the one to tell


def is_reported(project: Project, study: SharedStudy, total: int) -> bool:
    """Whether a study has all its trials, and its report and MLflow tell of them."""
    record = study.record()
    if study.left(total) or any(trial.state.is_open for trial in record.trials):
        return False
    if study.get_note(_REPORTED) != len(record.trials):
        return False
    try:
        told = (project.tuned / record.model / STUDY).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    return told == study_json(record, study.plan.search)


def _count_ended(record: StudyRecord) -> int:
    return sum(not trial.state.is_open for trial in record.trials)
