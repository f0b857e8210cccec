"""A trained network as a folder of three plain files: weights, configuration and card."""

import json
import os
import stat
from collections.abc import Iterable, Mapping
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

#: The most that is read of each file.
MOST_BYTES = {WEIGHTS: 8 * 2**30, CONFIG: 2**16, CARD: 2**20}

_MOST_HEADER_BYTES = 2**20  # of the weights: names, shapes and places of the tensors
_CARD_LEVELS = 32

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
    # Every file is read once: what is checked is what is used, whoever writes there meanwhile.
    weights, described = _read(path, WEIGHTS), _read(path, CONFIG)
    config, card = _parse_config(path, described), read_card(path)
    tensors = _parse_weights(path, weights)
    # A few words may describe a network of gigabytes.
    held = sum(tensor.numel() for tensor in tensors.values())
    network = build_network(config.network, config.image_size, weights=held)
    _check_tensors(path, _state(network), tensors)
    network.load_state_dict(tensors)
    network.requires_grad_(requires_grad=False)
    digest = _digest([weights, described])
    return Bundle(path, config, network.to(device).eval(), card, digest)


def bundle_digest(path: Path) -> str:
    """Return the SHA-256 over the weights and the configuration of the bundle at `path`.

    Raises
    ------
    ModelError
        If one of the files is missing.
    """
    return _digest([_read(path, name) for name in (WEIGHTS, CONFIG)])


def read_config(path: Path) -> BundleConfig:
    """Read the configuration of the bundle at `path` without its weights.

    Raises
    ------
    ModelError
        If the file is missing or damaged, or holds an unknown key.
    """
    return _parse_config(path, _read(path, CONFIG))


def _parse_config(path: Path, content: bytes) -> BundleConfig:
    values = _parse_object(path / CONFIG, content)
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
    return parse_card(path, _read(path, CARD))


def parse_card(path: Path, content: bytes) -> dict[str, object]:
    """Read the card of the bundle at `path` from the bytes of its file.

    Raises
    ------
    ModelError
        If they are damaged.
    """
    card = _parse_object(path / CARD, content)
    level: list[object] = [card]
    for _ in range(_CARD_LEVELS + 1):
        level = [inner for outer in level for inner in _inside(outer)]
    try:
        # What no answer could hold: endless numbers, and halves of letters.
        json.dumps(card, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        level = [card]
    if level:
        raise ModelError(
            f"'{path / CARD}' cannot be shown: expected at most {_CARD_LEVELS} levels, finite "
            "numbers and whole letters. Train the model again."
        )
    return card


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _parse_weights(path: Path, content: bytes) -> dict[str, Tensor]:
    try:
        if int.from_bytes(content[:8], "little") > _MOST_HEADER_BYTES:
            raise SafetensorError(f"a header of over {_MOST_HEADER_BYTES} bytes")
        return safetensors.torch.load(content)
    except SafetensorError as error:
        raise ModelError(
            f"'{path / WEIGHTS}' is not a readable safetensors file ({error}): "
            "copy the bundle again or train the model again."
        ) from None


def _digest(contents: Iterable[bytes]) -> str:
    total = sha256()
    for content in contents:
        total.update(sha256(content).digest())
    return total.hexdigest()


def _state(network: nn.Module) -> dict[str, Tensor]:
    return dict(network.state_dict())


def _json(values: object) -> str:
    return json.dumps(values, indent=2, sort_keys=True, allow_nan=False) + "\n"


def _read(path: Path, name: str) -> bytes:
    try:
        with open(path / name, "rb", opener=_without_waiting) as file:
            status = os.fstat(file.fileno())
            ordinary = stat.S_ISREG(status.st_mode) and status.st_size <= MOST_BYTES[name]
            content = file.read() if ordinary else None
    except OSError as error:
        raise ModelError(
            f"bundle '{path}' has no readable '{name}' ({error.strerror}): expected "
            f"{WEIGHTS}, {CONFIG} and {CARD}. Train the model or name another folder."
        ) from None
    if content is None:
        raise ModelError(
            f"'{path / name}' is no ordinary file of at most {MOST_BYTES[name]} bytes: expected "
            "that of a bundle. Copy the bundle again or train the model again."
        )
    return content


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # a pipe would wait for somebody to write


def _parse_object(path: Path, content: bytes) -> dict[str, object]:
    try:
        values = json.loads(content, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ModelError(
            f"'{path}' is not readable JSON ({error}): copy the bundle again or train "
            "the model again."
        ) from None
    if not isinstance(values, dict):
        raise ModelError(f"'{path}' is {type(values).__name__}: expected a JSON object.")
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
