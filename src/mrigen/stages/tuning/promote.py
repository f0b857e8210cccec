"""What a study has found, written into `params.yaml`."""

import difflib
import shutil
from dataclasses import dataclass

from mrigen.atomic import atomic_file
from mrigen.errors import ConfigError, TuningError
from mrigen.project import Project
from mrigen.stages.tuning.chosen import chosen_trial, refuse_other_study
from mrigen.stages.tuning.params_text import (
    PARAMS,
    check_text,
    read_text,
    text_with_parameters,
)
from mrigen.tuning.confirmation import read_confirmation
from mrigen.tuning.records import StudyRecord, TrialRecord
from mrigen.tuning.storage import open_storage
from mrigen.tuning.study import load_study
from mrigen.tuning.wording import spoken_score, spoken_trial


@dataclass(frozen=True)
class Promotion:
    """What `params.yaml` becomes when a trial's parameters are written into it.

    Attributes
    ----------
    project
    model
        Its name in `params.yaml`.
    record
        The study.
    trial
        The trial whose parameters these are.
    before, after
        The whole file.
    """

    project: Project
    model: str
    record: StudyRecord
    trial: TrialRecord
    before: str
    after: str

    @property
    def diff(self) -> str:
        """The lines that change, as `diff -u` shows them."""
        before, after = (text.splitlines() for text in (self.before, self.after))
        lines = difflib.unified_diff(before, after, PARAMS, PARAMS, lineterm="")
        return "".join(f"{line}\n" for line in lines)

    def sentences(self) -> list[str]:
        """Say in whole sentences what was chosen, and how sure that is."""
        told = [f"{self._found()}."]
        confirmation = read_confirmation(self.project.tuned / self.model)
        if confirmation is None or (confirmation.study, confirmation.trial) != (
            self.record.name,
            self.trial.number,
        ):
            again = f"'mrigen tune confirm {self.model} --trial {self.trial.number}'"
            told.append(f"Nothing has confirmed that with other seeds yet: {again} would.")
        else:
            told += confirmation.sentences()
        return told

    def write(self) -> None:
        """Write the file, all at once.

        Raises
        ------
        ConfigError
            If it is not any more as it was when the changes were made.
        """
        path = (self.project.root / PARAMS).resolve()
        if read_text(self.project) != self.before:
            raise ConfigError(
                f"'{path}' has changed meanwhile: expected it as it was when the changes were "
                "shown. Run the command again."
            )
        with atomic_file(path) as temporary:
            temporary.write_bytes(self.after.encode())
            shutil.copymode(path, temporary)

    def _found(self) -> str:
        told = spoken_trial(self.trial, self.record.objectives)
        baseline = self.record.baseline
        against = (
            ""
            if baseline is None or self.trial.baseline
            else f", against {spoken_score(baseline.values[0])} of the baseline"
        )
        return f"Study '{self.record.name}': {told}{against}"


def promote(
    project: Project,
    model: str,
    *,
    storage: str | None = None,
    study: str | None = None,
    trial: int | None = None,
) -> Promotion:
    """Find what a study's best parameters change in `params.yaml`; nothing is written yet.

    Parameters
    ----------
    project
        The project folder.
    model
        A name under `models:`.
    storage
        Where the study is; by default the project's own journal.
    study
        Its name; by default the model's latest.
    trial
        Number of a complete trial; by default the best one.

    Returns
    -------
    Promotion
        The changes; its `write` makes them.

    Raises
    ------
    ConfigError, DataError, TuningError
        If there is no such study or trial, `params.yaml` is not any more what the study was
        about, there is nothing to change, or the file cannot be edited in place.
    """
    config = project.model_config(model)
    shared = load_study(open_storage(project.root, storage, create=False), model, name=study)
    record = shared.record()
    chosen = chosen_trial(record, trial)
    refuse_other_study(project, config, shared)
    if config.with_parameters(chosen.params) == config:
        whose = "the baseline" if chosen.baseline else f"trial {chosen.number}"
        raise TuningError(
            f"there is nothing to change: model '{model}' has the parameters of {whose} of study "
            f"'{record.name}' in params.yaml already."
        )
    before = read_text(project)
    after = text_with_parameters(project, model, chosen.params, before)
    check_text(project, model, chosen.params, after)
    return Promotion(project, model, record, chosen, before, after)
