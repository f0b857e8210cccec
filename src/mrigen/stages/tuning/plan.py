"""What a study of a model is of, with everything checked before the first trial."""

import logging

import torch

from mrigen.data.store.slice_store import SliceStore
from mrigen.errors import ConfigError, ModelError
from mrigen.evaluation.validation_score import ValidationScorer
from mrigen.model_config import ModelConfig
from mrigen.project import Project
from mrigen.stages.training_job import TrainingJob
from mrigen.training.runtime import Runtime
from mrigen.tuning.config import SearchConfig
from mrigen.tuning.plan import StudyPlan
from mrigen.tuning.space import corners, parameters_of
from mrigen.tuning.wording import spoken_parameters

#: The objective beside the score in a study of both.
SECONDS = "seconds"

_CPU = torch.device("cpu")

_log = logging.getLogger(__name__)


def plan_study(project: Project, model: str, *, multi_objective: bool = False) -> StudyPlan:
    """Check that a model's search can be run, and describe the study.

    Parameters
    ----------
    project
        The project folder.
    model
        A name under `models:` that has a block `search`.
    multi_objective
        Whether few seconds of training are searched for, too.

    Raises
    ------
    ConfigError, DataError, ModelError
        If there is no search, the slices cannot be used, a network at the space's edge cannot be
        built or trained, or the score cannot be measured.
    """
    config = project.model_config(model)
    search = _search_of(config, model)
    store = SliceStore(project.processed(config.dataset))
    store.verify()
    score = _checked_score(project, model, config, search, store)
    objectives = (score, SECONDS) if multi_objective else (score,)
    baseline, why = parameters_of(config.section, search)
    if baseline is None:
        _log.info("%s: no trial has the parameters of params.yaml, as %s.", model, why)
    space = config.space_hash(objectives)
    return StudyPlan(
        name=f"{model}-{store.fingerprint[:8]}-{space[:8]}",
        model=model,
        dataset=config.dataset,
        data=store.fingerprint,
        objectives=objectives,
        search=search,
        epochs=config.training.epochs,
        baseline=baseline,
        space=space,
    )


def _search_of(config: ModelConfig, model: str) -> SearchConfig:
    """Return the search block of a model.

    Raises
    ------
    ConfigError
        If it has none.
    """
    if config.search is None:
        raise ConfigError(
            f"model '{model}' has no block 'search' in params.yaml: expected one that names what "
            "to search. Write one, such as 'search: { parameters: { training.learning_rate: "
            "{ float: [3.0e-4, 1.0e-2], log: true } } }'."
        )
    return config.search


def make_scorer(
    project: Project,
    config: ModelConfig,
    store: SliceStore,
    device: torch.device,
    *,
    seed: int | None = None,
) -> ValidationScorer:
    """Return what scores the trials of a model.

    Parameters
    ----------
    project
        Whose cache keeps the features of real slices.
    config
        The model's section, with a search block.
    store
        The slices of its dataset.
    device
        Where networks are.
    seed
        Of generated images and damage; by default that of the search.

    Raises
    ------
    DataError
        If there are too few validation slices.
    """
    search = config.search
    assert search is not None
    return ValidationScorer(
        store,
        corruption=config.corruption,
        samples=search.samples,
        slices=search.slices,
        extractor=config.evaluation.extractors[0],
        device=device,
        cache=project.cache,
        root=project.root,
        seed=search.seed if seed is None else seed,
    )


def _checked_score(
    project: Project, model: str, config: ModelConfig, search: SearchConfig, store: SliceStore
) -> str:
    """Build every network at the edge of the space, as shapes alone; return the score's name."""
    scorer = make_scorer(project, config, store, _CPU)
    runtime = Runtime(_CPU)
    network = TrainingJob(project, model, config, store, runtime).check()
    score = scorer.checked(network, search.score)
    for corner in corners(search):
        try:
            job = TrainingJob(project, model, config.with_parameters(corner), store, runtime)
            scorer.checked(job.check(), score)
        except (ConfigError, ModelError) as error:
            raise ConfigError(
                f"the search of model '{model}' reaches {spoken_parameters(corner)}, which cannot "
                f"be trained: {error} Narrow 'models.{model}.search.parameters'."
            ) from None
    return score
