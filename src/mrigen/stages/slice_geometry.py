"""Where the slices of a model lie: written into its card by the training, read by who needs it."""

from collections.abc import Mapping

from pydantic import ValidationError

from mrigen.config import describe
from mrigen.data.slicing.stack_geometry import StackGeometry, read_stack_geometry
from mrigen.errors import ModelError
from mrigen.stages.training_job import TrainingJob

KEY = "slices"


def slice_geometry(job: TrainingJob) -> dict[str, object] | None:
    """Return the entry `slices` of a card; None for pictures, which lie nowhere."""
    dataset = job.project.dataset_config(job.config.dataset)
    found = read_stack_geometry(job.store.manifest, dataset.geometry)
    return None if found is None else found.model_dump(mode="json")


def read_slice_geometry(card: Mapping[str, object], *, model: str) -> StackGeometry:
    """Read from a card where the slices of a model lie.

    Raises
    ------
    ModelError
        If the card does not say, or says what cannot be.
    """
    described = card.get(KEY)
    if described is None:
        raise ModelError(
            f"the card of model '{model}' does not say where its slices lie: expected '{KEY}', "
            "which training on slices of volumes writes. Train it again, or name another model."
        )
    try:
        return StackGeometry.model_validate(described)
    except ValidationError as error:
        raise ModelError(
            f"'{KEY}' in the card of model '{model}' is damaged: "
            f"{describe(error, StackGeometry, described)} Train it again."
        ) from None
