"""What a project has so far, and the command that brings the next."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from mrigen.stages.doctor.finding import Finding, Question, note, ok

if TYPE_CHECKING:
    from mrigen.project import Project


def check_project(asked: Question) -> Iterator[Finding]:
    """Read `params.yaml` and look for data, slices and models."""
    from mrigen.project import load_project

    project = load_project(asked.root)
    params = project.params
    yield ok(
        "project",
        f"params.yaml has {len(params.sources)} sources, {len(params.datasets)} datasets and "
        f"{len(params.models)} models",
    )
    yield from _data(project)
    yield from _slices(project)
    yield from _models(project)


def _data(project: "Project") -> Iterator[Finding]:
    missing = [
        f"'{source.path}'"
        for source in project.params.sources.values()
        if not (project.root / source.path).exists()
    ]
    if missing:
        yield note(
            "data",
            f"{', '.join(missing)} is not there",
            "dvc pull, 'mrigen data fetch', 'mrigen data demo', or correct 'sources'",
        )
    elif not project.index.exists():
        yield note("data", "the volumes are not indexed", "mrigen index")
    else:
        yield ok("data", "there and indexed")


def _slices(project: "Project") -> Iterator[Finding]:
    missing = [name for name in project.params.datasets if not project.processed(name).exists()]
    for name in missing:
        yield note("slices", f"of '{name}' there are none", f"mrigen slices {name}")
    if not missing:
        yield ok("slices", f"of {_listed(project.params.datasets)}")


def _models(project: "Project") -> Iterator[Finding]:
    from mrigen.bundle import bundle_digest
    from mrigen.errors import ModelError

    good = []
    for name in project.params.models:
        if not project.bundle(name).exists():
            yield note("models", f"'{name}' is not trained", f"mrigen train {name}")
            continue
        try:
            bundle_digest(project.bundle(name))
            good.append(name)
        except ModelError as error:
            yield note("models", error, f"mrigen train {name}")
    if good:
        yield ok("models", f"trained: {_listed(good)}")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
