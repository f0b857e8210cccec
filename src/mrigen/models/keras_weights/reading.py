"""A Keras file to a PyTorch network that is the same function."""

from dataclasses import dataclass
from pathlib import Path

import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor, nn

from mrigen.errors import ModelError
from mrigen.models.build import NetworkConfig, build_network
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
            planned = build_network(config, size)
        pairs, problems = match_graphs(graph, trace_network(planned))
        if problems:
            raise ModelError(
                f"'{checkpoint.name}' is not a '{name}': {_told(problems)}. "
                f"{_advice(name, graph, size)}"
            )
        sources = _sources(checkpoint, planned, pairs, name)
        network = build_network(config, size)
        _fill(network, checkpoint, sources)
        layers = {module: pairs[module] for module, *_ in sources.values()}
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


_Sources = dict[str, tuple[str, str, str]]


def _sources(checkpoint: Checkpoint, planned: nn.Module, pairs: Pairs, name: str) -> _Sources:
    """Return module, layer and path behind every tensor, all checked before any is read."""
    sources: _Sources = {}
    problems: list[str] = []
    for module_name, layer in pairs.items():
        module = planned.get_submodule(module_name) if _exists(planned, module_name) else None
        names = _weights(module)
        paths = checkpoint.weight_paths(layer) if names else {}
        if names and paths.keys() != names.keys():
            there = ", ".join(sorted(paths)) or "none"
            problems.append(
                f"'{short(layer)}' has the weights {short(there)}, not {', '.join(names)}"
            )
            continue
        for keras_name, own_name in names.items():
            tensor = getattr(module, own_name)
            fault = checkpoint.fault(layer, paths[keras_name], _keras_shape(tensor))
            if fault:
                problems.append(fault)
            sources[f"{module_name}.{own_name}"] = (module_name, layer, paths[keras_name])
    if problems:
        raise ModelError(
            f"the weights of '{checkpoint.name}' are not those of a '{name}': {_told(problems)}. "
            "Save the model again, or name the network it is."
        )
    return sources


def _fill(network: nn.Module, checkpoint: Checkpoint, sources: _Sources) -> None:
    state = dict(network.state_dict())
    tensors: dict[str, Tensor] = {}
    for key, old in state.items():
        if key.endswith("num_batches_tracked"):
            tensors[key] = old
            continue
        _, layer, path = sources[key]
        values = torch.from_numpy(checkpoint.read(layer, path))
        if key.endswith("running_var") and bool((values < 0).any()):
            raise ModelError(
                f"weight '{path}' of '{checkpoint.name}' has negative values: expected variances. "
                "The file is damaged: use another one."
            )
        tensors[key] = values.permute(_KERNEL_ORDER) if values.ndim == 4 else values
    network.load_state_dict(tensors)


def _exists(network: nn.Module, name: str) -> bool:
    return name in dict(network.named_modules())


def _weights(module: nn.Module | None) -> dict[str, str]:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        return _CONVOLUTION
    return _BATCH_NORM if isinstance(module, nn.BatchNorm2d) else {}


def _keras_shape(tensor: Tensor) -> tuple[int, ...]:
    shape = tuple(tensor.shape)
    return (shape[2], shape[3], shape[1], shape[0]) if len(shape) == 4 else shape


def _told(problems: list[str]) -> str:
    more = len(problems) - _SHOWN
    return ", ".join(problems[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
