"""Register a trained and evaluated model."""

from collections.abc import Mapping

from mrigen.bundle import bundle_digest, read_config
from mrigen.errors import RegistryError
from mrigen.evaluation.contents import METRICS
from mrigen.project import Project
from mrigen.registry.registration import ModelCard, Registration, register_bundle
from mrigen.stages.cohort import read_object
from mrigen.stages.evaluate import EVALUATED
from mrigen.stages.model_card import DESCRIPTION_LENGTH, MODEL_CARD, model_card
from mrigen.tracking.tracker import connect


def register(project: Project, model: str, *, promote: bool = False) -> Registration:
    """Register the bundle of a model of `params.yaml`; the same bundle only once.

    Alias `candidate` moves to it; alias `champion` goes to the first that passes the gate.

    Parameters
    ----------
    project
        The project folder.
    model
        A name under `models:`; it must have been trained and evaluated.
    promote
        Replace the present champion, if the gate is passed.

    Returns
    -------
    Registration
        What was done; as text, a sentence for people.

    Raises
    ------
    ConfigError, DataError, ModelError, RegistryError, TrackingError
        If the model is unknown, its bundle damaged, its evaluation missing or another bundle's,
        or the MLflow store cannot be used; with `promote`, if it does not pass the gate.
    """
    gate = project.model_config(model).gate
    path = project.bundle(model)
    name = read_config(path).model
    if name != model:
        raise RegistryError(
            f"'{path}' holds a bundle of model '{name}', not of '{model}': run mrigen train "
            f"{model}."
        )
    metrics = _read_metrics(project, model, bundle_digest(path))
    tracker = connect(project.root)
    return register_bundle(
        tracker,
        path,
        metrics=metrics,
        gate=gate,
        promote=promote,
        card=_card(project, model, metrics),
    )


def _card(project: Project, model: str, metrics: Mapping[str, float]) -> ModelCard:
    card = model_card(project, model, metrics)
    return ModelCard(MODEL_CARD, card.markdown(), card.markdown(DESCRIPTION_LENGTH))


def _read_metrics(project: Project, model: str, digest: str) -> dict[str, float]:
    folder = project.evaluation(model)
    advice = f"run mrigen evaluate {model}."
    if not (folder / METRICS).exists() or not (folder / EVALUATED).exists():
        raise RegistryError(f"model '{model}' has not been evaluated: {advice}")
    judged = str(read_object(folder / EVALUATED).get("bundle"))
    if judged != digest:
        raise RegistryError(
            f"the evaluation of model '{model}' is that of bundle {judged[:12]}, but its bundle "
            f"is {digest[:12]} now: {advice}"
        )
    metrics: dict[str, float] = {}
    for name, value in read_object(folder / METRICS).items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise RegistryError(
                f"'{folder / METRICS}' has {value!r} for '{name}': expected a number; {advice}"
            )
        metrics[name] = float(value)
    return metrics
