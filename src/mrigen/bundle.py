"""A trained network as a folder of three plain files: weights, configuration and card."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import safetensors.torch
from pydantic import Field, ValidationError
from safetensors import SafetensorError
from torch import Tensor, nn

from mrigen.atomic import atomic_folder
from mrigen.config import Config, describe
from mrigen.errors import ModelError
from mrigen.models.build import NetworkConfig, build_network

WEIGHTS, CONFIG, CARD = "weights.safetensors", "config.json", "card.json"

_SHOWN = 3  # tensors named in one sentence


class BundleConfig(Config):
    """What is needed to build the network again."""

    model: str = Field(min_length=1, description="name of the model in params.yaml")
    image_size: int = Field(ge=1, le=4096, description="height and width in pixels")
    network: NetworkConfig


@dataclass(frozen=True)
class Bundle:
    """A network ready for use, with where it came from.

    Attributes
    ----------
    path
        The folder.
    config
        Contents of `config.json`.
    model
        The network in evaluation mode; its parameters need no gradients.
    card
        Contents of `card.json`: data, code and licence behind the weights.
    digest
        SHA-256 over weights and configuration, 64 hexadecimal digits: the bundle's identity.
    """

    path: Path
    config: BundleConfig
    model: nn.Module
    card: dict[str, object]
    digest: str


def save_bundle(
    path: Path, network: nn.Module, *, config: BundleConfig, card: Mapping[str, object]
) -> str:
    """Write a bundle, whole or not at all, and return its digest.

    Parameters
    ----------
    path
        The folder; one that stands there is replaced.
    network
        The network that `build_network` makes from `config`.
    config
        What is needed to build the network again.
    card
        Plain values that are the same for identical runs: no dates, run ids or seconds.
    """
    tensors = {name: value.detach().cpu().contiguous() for name, value in _state(network).items()}
    with atomic_folder(path) as folder:
        (folder / WEIGHTS).write_bytes(safetensors.torch.save(tensors))
        (folder / CONFIG).write_text(_json(config.model_dump(mode="json")), encoding="utf-8")
        (folder / CARD).write_text(_json(dict(card)), encoding="utf-8")
        return bundle_digest(folder)


def load_bundle(path: Path, device: str = "cpu") -> Bundle:
    """Read a bundle and build its network.

    Raises
    ------
    ModelError
        If a file is missing or damaged, a key of the configuration is unknown, or the weights
        are not those of the network, told by the names and shapes of the tensors.
    """
    digest = bundle_digest(path)
    config, card = read_config(path), read_card(path)
    try:
        tensors = safetensors.torch.load((path / WEIGHTS).read_bytes())
    except SafetensorError as error:
        raise ModelError(
            f"'{path / WEIGHTS}' is not a readable safetensors file ({error}): "
            "copy the bundle again or train the model again."
        ) from None
    network = build_network(config.network, config.image_size)
    _check_tensors(path, _state(network), tensors)
    network.load_state_dict(tensors)
    network.requires_grad_(requires_grad=False)
    return Bundle(path, config, network.to(device).eval(), card, digest)


def bundle_digest(path: Path) -> str:
    """Return the SHA-256 over the weights and the configuration of the bundle at `path`.

    Raises
    ------
    ModelError
        If one of the files is missing.
    """
    total = sha256()
    for name in (WEIGHTS, CONFIG):
        total.update(sha256(_read(path, name)).digest())
    return total.hexdigest()


def read_config(path: Path) -> BundleConfig:
    """Read the configuration of the bundle at `path` without its weights.

    Raises
    ------
    ModelError
        If the file is missing or damaged, or holds an unknown key.
    """
    values = _read_object(path, CONFIG)
    try:
        return BundleConfig.model_validate(values)
    except ValidationError as error:
        raise ModelError(
            f"'{path / CONFIG}' does not fit this version of mrigen: "
            f"{describe(error, BundleConfig, values)}"
        ) from None


def read_card(path: Path) -> dict[str, object]:
    """Read the card of the bundle at `path`.

    Raises
    ------
    ModelError
        If the file is missing or damaged.
    """
    return _read_object(path, CARD)


def _state(network: nn.Module) -> dict[str, Tensor]:
    return dict(network.state_dict())


def _json(values: object) -> str:
    return json.dumps(values, indent=2, sort_keys=True, allow_nan=False) + "\n"


def _read(path: Path, name: str) -> bytes:
    try:
        return (path / name).read_bytes()
    except OSError as error:
        raise ModelError(
            f"bundle '{path}' has no readable '{name}' ({error.strerror}): expected "
            f"{WEIGHTS}, {CONFIG} and {CARD}. Train the model or name another folder."
        ) from None


def _read_object(path: Path, name: str) -> dict[str, object]:
    try:
        values = json.loads(_read(path, name), parse_constant=_refuse_constant)
    except ValueError as error:
        raise ModelError(
            f"'{path / name}' is not readable JSON ({error}): copy the bundle again or train "
            "the model again."
        ) from None
    if not isinstance(values, dict):
        raise ModelError(f"'{path / name}' is {type(values).__name__}: expected a JSON object.")
    return values


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON value")


def _check_tensors(path: Path, wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> None:
    problems = [f"'{name}' is missing" for name in wanted if name not in found]
    problems += [f"'{name}' is unknown" for name in found if name not in wanted]
    problems += [
        f"'{name}' is {_kind(found[name])} instead of {_kind(tensor)}"
        for name, tensor in wanted.items()
        if name in found and _kind(found[name]) != _kind(tensor)
    ]
    if problems:
        rest = f" and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise ModelError(
            f"the weights of bundle '{path}' are not those of the network in its "
            f"configuration: {', '.join(problems[:_SHOWN])}{rest}. "
            f"Use the {WEIGHTS} and {CONFIG} of one and the same training."
        )


def _kind(tensor: Tensor) -> str:
    return f"{tuple(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}"
