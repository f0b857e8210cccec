"""Whether a training can be judged on validation slices in the way its settings ask for."""

from mrigen.data.loader import VALIDATION
from mrigen.data.store.slice_store import SliceStore
from mrigen.errors import ConfigError
from mrigen.model_config import ModelConfig
from mrigen.models.interfaces import Sampler
from mrigen.objectives.base import Objective


def require_validation(
    objective: Objective, config: ModelConfig, store: SliceStore, *, model: str
) -> None:
    """Refuse settings that ask more of the validation slices than there is.

    Parameters
    ----------
    objective
        Bound to the network; shapes are enough.
    config
        The model's entry.
    store
        The slices of its dataset.
    model
        Its name, for the error.

    Raises
    ------
    ConfigError
        If a loss is to decide and there are several, images are to and the network makes none, or
        there are too few validation slices.
    """
    training = config.training
    needs_loss = {
        "schedule: plateau": training.schedule == "plateau",
        "early_stopping": training.early_stopping is not None,
        "keep: best": training.kept_by == "loss",
    }
    for setting, asked in needs_loss.items():
        if asked:
            _require_one_loss(objective, config, setting, model)
            _require_slices(store, config, setting, model, least=1)
    if training.kept_by == "kernel_distance":
        setting = "judged_by: kernel_distance"
        if not isinstance(objective.network, Sampler):
            raise ConfigError(
                f"model '{model}' has '{setting}', but the network '{config.network.name}' makes "
                "no images: expected a generator. Remove the setting."
            )
        _require_slices(store, config, setting, model, least=2)


def _require_one_loss(objective: Objective, config: ModelConfig, setting: str, model: str) -> None:
    if len(objective.phases) > 1:
        names = ", ".join(f"'{phase.name}'" for phase in objective.phases)
        raise ConfigError(
            f"model '{model}' has '{setting}', but its objective '{config.objective.name}' has "
            f"several losses ({names}): expected one whose validation loss says which epoch is "
            "better. Remove the setting."
        )


def _require_slices(
    store: SliceStore, config: ModelConfig, setting: str, model: str, *, least: int
) -> None:
    found = len(store.positions(VALIDATION))
    if found < least:
        has = "one validation slice" if found else "no validation slices"
        wanted = "a validation split" if least == 1 else f"at least {least} of them"
        raise ConfigError(
            f"model '{model}' has '{setting}', but dataset '{config.dataset}' has {has}: expected "
            f"{wanted}. Give that split a share of the subjects, or remove the setting."
        )
