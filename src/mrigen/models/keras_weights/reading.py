"""A Keras file to a PyTorch network that is the same function."""

from dataclasses import dataclass
from pathlib import Path

import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor, nn

from mrigen.errors import ModelError
from mrigen.models.build import NetworkConfig, build_network, count_parameters
from mrigen.models.keras_weights.checkpoint import Checkpoint, open_checkpoint
from mrigen.models.keras_weights.graph import read_graph
from mrigen.models.keras_weights.matching import Pairs, match_graphs
from mrigen.models.keras_weights.recognition import IMPORTABLE, image_size, network_values
from mrigen.models.keras_weights.steps import Graph, short
from mrigen.models.keras_weights.tracing import trace_network

_SHOWN = 3  # problems told in one sentence
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
    with open_checkpoint(path) as checkpoint:
        graph = read_graph(checkpoint.plan(), checkpoint.name)
        size = image_size(graph, checkpoint.name)
        config = _configure(name, graph, checkpoint.name, size)
        with torch.device("meta"):  # shapes alone, which cost no memory
            network = build_network(config, size)
        pairs, problems = match_graphs(graph, trace_network(network))
        if problems:
            raise ModelError(
                f"'{checkpoint.name}' is not a '{name}': {_told(problems)}. "
                f"{_advice(name, graph, size)}"
            )
        layers = _check_weights(checkpoint, network, pairs, name)
        for module_name, layer in layers.items():
            _fill(network.get_submodule(module_name), checkpoint, layer)
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


def _check_weights(checkpoint: Checkpoint, network: nn.Module, pairs: Pairs, name: str) -> Pairs:
    """Return the layer of each module with weights, all checked before any is read."""
    modules = dict(network.named_modules())
    layers = {key: layer for key, layer in pairs.items() if _names(modules.get(key))}
    problems: list[str] = []
    for key, layer in layers.items():
        names, paths = _names(modules[key]), checkpoint.weight_paths(layer)
        if paths.keys() != names.keys():
            there = ", ".join(sorted(paths)) or "none"
            problems.append(f"'{short(layer)}' has weights {short(there)}, not {', '.join(names)}")
            continue
        shapes = {word: _keras_shape(getattr(modules[key], own)) for word, own in names.items()}
        faults = (checkpoint.fault(layer, paths[word], shape) for word, shape in shapes.items())
        problems += [fault for fault in faults if fault]
    needed = 4 * count_parameters(network)[1]
    if not problems and needed > checkpoint.size:
        problems.append(f"the file has {checkpoint.size:,} bytes, not at least {needed:,}")
    if problems:
        raise ModelError(
            f"the weights of '{checkpoint.name}' are not those of a '{name}': {_told(problems)}. "
            "Save the model again, or name the network it is."
        )
    return layers


def _fill(module: nn.Module, checkpoint: Checkpoint, layer: str) -> None:
    """Put the weights of a Keras layer in the place of a module's, which take no memory yet."""
    paths, tensors = checkpoint.weight_paths(layer), {}
    for word, own in _names(module).items():
        values = torch.from_numpy(checkpoint.read(layer, paths[word]))
        if word == "moving_variance" and bool((values < 0).any()):
            raise ModelError(
                f"weight '{short(paths[word])}' of '{checkpoint.name}' has negative values: "
                "expected variances. The file is damaged: use another one."
            )
        tensors[own] = values.permute(_KERNEL_ORDER).contiguous() if values.ndim == 4 else values
    if isinstance(module, nn.BatchNorm2d):
        tensors["num_batches_tracked"] = torch.tensor(0)
    module.load_state_dict(tensors, assign=True)


def _names(module: nn.Module | None) -> dict[str, str]:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        return _CONVOLUTION
    return _BATCH_NORM if isinstance(module, nn.BatchNorm2d) else {}


def _keras_shape(tensor: Tensor) -> tuple[int, ...]:
    shape = tuple(tensor.shape)
    return (shape[2], shape[3], shape[1], shape[0]) if len(shape) == 4 else shape


def _told(problems: list[str]) -> str:
    more = len(problems) - _SHOWN
    return ", ".join(problems[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
