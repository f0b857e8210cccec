"""From a request for samples to the work that answers it."""

from mrigen.errors import ConfigError, ModelError, shown
from mrigen.models.condition_values import condition_values
from mrigen.models.interfaces import Sampler
from mrigen.serving.schemas import LAST_SEED, SampleRequest, most_samples
from mrigen.serving.served import ServedModel
from mrigen.serving.work import Drawing


def plan_drawing(model: ServedModel, asked: SampleRequest, *, seed: int, max_count: int) -> Drawing:
    """Check a request against its model.

    Parameters
    ----------
    model
        Draws.
    asked
        What is wanted.
    seed
        Of the first sample; stands in for the request's, which may be open.
    max_count
        Samples that one request may ask for.

    Raises
    ------
    ConfigError
        If there are too many samples, the seeds end too high, or conditions do not fit.
    ModelError
        If the model makes no samples, or has no quick mode and is asked for it.
    """
    if not isinstance(model.network, Sampler):
        raise ModelError(
            f"model '{model.name}' restores images and cannot make new ones: ask another one."
        )
    if asked.quick and not model.quick:
        raise ModelError(
            f"model '{model.name}' has no quick mode: ask without 'quick', or ask another one."
        )
    most = most_samples(model.image_size, max_count)[asked.format]
    if asked.count > most:
        raise ConfigError(_too_many(model, asked, most, max_count))
    if seed > LAST_SEED - (asked.count - 1):
        raise ConfigError(f"'seed' is {seed}: expected seed + count - 1 to be below 2**63.")
    values = condition_values(model.conditions, asked.conditions)
    seeds = range(seed, seed + asked.count)
    return Drawing(model.network, seeds, values, quick=asked.quick)


def _too_many(model: ServedModel, asked: SampleRequest, most: int, max_count: int) -> str:
    refused = f"'count' is {shown(asked.count)}: expected 1 to {most}"
    if asked.format != "png":
        return f"{refused}. Send several requests."
    size = model.image_size
    more = "" if most == max_count else f" The other formats hold up to {max_count}."
    return f"{refused} for a picture of {size} x {size} pixel images.{more}"
