"""A Keras file to a PyTorch network that is the same function."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError
from torch import nn

from mrigen.errors import ModelError
from mrigen.models.build import NetworkConfig, build_network
from mrigen.models.keras_weights.graph import read_graph
from mrigen.models.keras_weights.guard import open_guarded
from mrigen.models.keras_weights.matching import Pairs, match_graphs
from mrigen.models.keras_weights.recognition import IMPORTABLE, image_size, network_values
from mrigen.models.keras_weights.steps import Graph, first_few, short
from mrigen.models.keras_weights.tracing import trace_network

_PARSE = TypeAdapter[NetworkConfig](NetworkConfig).validate_python

# Keras' names of a layer's weights, and ours. Kernels are stored in the order height, width,
# then what PyTorch has in front, both for plain and for transposed convolutions.
_CONVOLUTION = {"kernel": "weight", "bias": "bias"}
_BATCH_NORM = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
_KERNEL_ORDER = (3, 2, 0, 1)


@dataclass(frozen=True)
class KerasNetwork:
    """A network that was read from a Keras file.

    Attributes
    ----------
    network
        In evaluation mode, with the file's weights.
    config
        What `build_network` makes it from.
    image_size
        Height and width of the images.
    keras_version
        As the file says.
    layers
        The Keras layer behind each module that has weights.
    """

    network: nn.Module
    config: NetworkConfig
    image_size: int
    keras_version: str
    layers: Pairs


def read_keras(path: Path, name: str) -> KerasNetwork:
    """Read a whole-model .h5 file of Keras 2 as the network `name`.

    Parameters
    ----------
    path
        The file.
    name
        One of "residual_unet", "skip_cae", "shallow_residual_ae", "myronenko_cae", "unet".

    Raises
    ------
    ModelError
        If the file is damaged or hostile, holds a layer that is not understood, or is not the
        network `name`, told layer by layer.

    Notes
    -----
    The file's own graph of layers is compared with the graph that PyTorch traces of our network,
    so nothing rests on the names of layers. Sizes, kind of block and doubled norms are read off
    the file. Nothing in it is executed.
    """
    if name not in IMPORTABLE:
        raise ModelError(
            f"'{name}' cannot be read from Keras files: expected one of {', '.join(IMPORTABLE)}."
        )
    with open_guarded(path) as checkpoint:
        graph = read_graph(checkpoint.plan(), checkpoint.name)
        size = image_size(graph, checkpoint.name)
        config = _configure(name, graph, checkpoint.name, size)
        with torch.device("meta"):  # shapes alone, which cost no memory
            network = build_network(config, size)
        pairs, problems = match_graphs(graph, trace_network(network))
        if problems:
            raise ModelError(
                f"'{checkpoint.name}' is not a '{name}': {first_few(problems)}. "
                f"{_advice(name, graph, size)}"
            )
        modules = {key: network.get_submodule(key) for key in pairs.keys() & _modules(network)}
        shapes = {pairs[key]: _keras_shapes(module) for key, module in modules.items()}
        weights = checkpoint.weights(shapes, name)
        for key, module in modules.items():
            _fill(module, weights[pairs[key]])
        layers = {key: pairs[key] for key in modules}
        return KerasNetwork(network.eval(), config, size, checkpoint.keras_version(), layers)


def _configure(name: str, graph: Graph, source: str, size: int) -> NetworkConfig:
    values = network_values(name, graph)
    try:
        return _PARSE(values)
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        found = f"its '{detail['loc'][-1]}' would be {short(detail['input'])}"
        raise ModelError(
            f"'{source}' is not a '{name}': {found}. {_advice(name, graph, size)}"
        ) from None


def _advice(name: str, graph: Graph, size: int) -> str:
    for other in IMPORTABLE:
        if other != name and _fits(other, graph, size):
            return f"It is a '{other}': name that."
    return f"Name the network it is, if it is one of {', '.join(IMPORTABLE)}."


def _fits(name: str, graph: Graph, size: int) -> bool:
    try:
        with torch.device("meta"):
            planned = build_network(_PARSE(network_values(name, graph)), size)
    except (ModelError, ValidationError):
        return False
    return not match_graphs(graph, trace_network(planned))[1]


def _modules(network: nn.Module) -> set[str]:
    return {key for key, module in network.named_modules() if _names(module)}


def _names(module: nn.Module) -> dict[str, str]:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        return _CONVOLUTION
    return _BATCH_NORM if isinstance(module, nn.BatchNorm2d) else {}


def _keras_shapes(module: nn.Module) -> dict[str, tuple[int, ...]]:
    shapes = {word: tuple(getattr(module, own).shape) for word, own in _names(module).items()}
    # A kernel's height and width come first, and its other two sides are swapped.
    return {word: (*shape[2:], *shape[1::-1]) for word, shape in shapes.items()}


def _fill(module: nn.Module, weights: Mapping[str, NDArray[np.float32]]) -> None:
    """Put the weights of a Keras layer in the place of a module's, which take no memory yet."""
    tensors = {}
    for word, own in _names(module).items():
        values = torch.from_numpy(weights[word])
        tensors[own] = values.permute(_KERNEL_ORDER).contiguous() if values.ndim == 4 else values
    if isinstance(module, nn.BatchNorm2d):
        tensors["num_batches_tracked"] = torch.tensor(0)
    module.load_state_dict(tensors, assign=True)
