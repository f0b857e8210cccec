"""What a study has found, as files: a page, its pictures, and its trials as tables."""

from contextlib import suppress
from pathlib import Path

from mrigen.atomic import atomic_folder, write_text
from mrigen.project import Project
from mrigen.tuning.config import SearchConfig
from mrigen.tuning.confirmation import read_confirmation
from mrigen.tuning.figures.pictures import study_pictures
from mrigen.tuning.page import StudyPage, render_study
from mrigen.tuning.paths import value_at
from mrigen.tuning.records import StudyRecord
from mrigen.tuning.storage import open_storage
from mrigen.tuning.study import load_study
from mrigen.tuning.tables import study_json, trials_csv

PAGE, TABLE, STUDY, FIGURES = "report.html", "trials.csv", "study.json", "figures"


def report(
    project: Project, model: str, *, storage: str | None = None, study: str | None = None
) -> Path:
    """Write the report of a study as it stands, also while it runs; MLflow is not asked.

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

    Returns
    -------
    Path
        The page.

    Raises
    ------
    ConfigError, TuningError
        If there is no such model or study, or its storage cannot be used.
    """
    project.model_config(model)
    shared = load_study(open_storage(project.root, storage, create=False), model, name=study)
    return write_report(project, shared.record(), search=shared.plan.search)


def write_report(project: Project, record: StudyRecord, *, search: SearchConfig) -> Path:
    """Write `tuned/<model>/`: the page, `trials.csv`, `study.json` and `figures/`.

    Parameters
    ----------
    project
        The project folder.
    record
        The study.
    search
        The space it searched.

    Returns
    -------
    Path
        The page.
    """
    folder = project.tuned / record.model
    folder.mkdir(parents=True, exist_ok=True)
    pictures = study_pictures(record, search)
    page = StudyPage(
        record=record,
        search=search,
        pictures=pictures,
        present=_present(project, record, search),
        confirmation=_confirmation(folder, record),
    )
    with atomic_folder(folder / FIGURES) as figures:
        for name, picture in pictures.items():
            (figures / f"{name}.png").write_bytes(picture.png)
    write_text(folder / TABLE, trials_csv(record))
    write_text(folder / PAGE, render_study(page))
    write_text(folder / STUDY, study_json(record, search))  # last: it says that all is written
    return folder / PAGE


def _present(project: Project, record: StudyRecord, search: SearchConfig) -> dict[str, object]:
    section = project.model_config(record.model).section
    found: dict[str, object] = {}
    for path in search.parameters:
        with suppress(LookupError):
            found[path] = value_at(section, path)
    return found


def _confirmation(folder: Path, record: StudyRecord) -> list[str]:
    confirmation = read_confirmation(folder)
    if confirmation is None or confirmation.study != record.name:
        return []
    sentences = confirmation.sentences()
    best = record.best
    if len(record.objectives) == 1 and best is not None and confirmation.trial != best.number:
        sentences.append(
            f"This was trial {confirmation.trial}; by now trial {best.number} is the best."
        )
    return sentences
