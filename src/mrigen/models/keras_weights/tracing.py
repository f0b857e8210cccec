"""A PyTorch network as a graph in the words of Keras, traced from its own `forward`."""

import operator
from collections.abc import Callable

import torch
from torch import fx, nn
from torch.nn import functional

from mrigen.models.blocks import SameConv2d, SameConvTranspose2d
from mrigen.models.keras_weights.steps import ACTIVATIONS, Graph, Settings

_FORMAT: Settings = {"data_format": "channels_last"}

# Padding to a multiple and cropping back do nothing to images that are one.
_IDENTITIES = {functional.pad, operator.getitem}


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, SameConv2d | SameConvTranspose2d) or super().is_leaf_module(
            m, module_qualified_name
        )


def trace_network(network: nn.Module) -> Graph:
    """Return what `network` computes of one image.

    Parameters
    ----------
    network
        A network that is made of the layers of `mrigen.models.blocks`, of ReLU, sigmoid, sums,
        concatenations, 2 x 2 pooling and nearest-neighbour up-sampling. Its weights may lie on
        the "meta" device.

    Raises
    ------
    NotImplementedError
        If it has another step; that is a defect of mrigen.
    """
    traced = _Tracer().trace(network)
    graph = Graph()
    places: dict[fx.Node, int] = {}
    for step in traced.nodes:
        inputs = [places[taken] for taken in _tensors(step) if taken in places]
        if step.op == "placeholder":
            places[step] = graph.add("InputLayer", {}, (), step.name)
        elif step.op == "call_module":
            places[step] = _module(graph, network.get_submodule(str(step.target)), step, inputs)
        elif step.op == "output":
            (graph.output,) = inputs
        elif step.target in _IDENTITIES and inputs:
            places[step] = inputs[0]
        elif step.target in _FUNCTIONS:
            kind, settings = _FUNCTIONS[step.target](step)
            places[step] = graph.add(kind, settings, inputs, step.name)
        elif inputs and step.op == "call_function" and step.target is not getattr:
            raise NotImplementedError(step.format_node())
    return graph


def _tensors(step: fx.Node) -> list[fx.Node]:
    """Return what a step takes, in the order and as often as it takes it."""
    first = step.args[:1] if step.target in {torch.cat, *_IDENTITIES} else step.args
    nested = [list(one) if isinstance(one, list | tuple) else [one] for one in first]
    return [one for many in nested for one in many if isinstance(one, fx.Node)]


def _module(graph: Graph, module: nn.Module, step: fx.Node, inputs: list[int]) -> int:
    name = str(step.target)
    if isinstance(module, nn.Dropout | nn.Dropout2d):
        return inputs[0]
    if isinstance(module, SameConv2d):
        return graph.add("Conv2D", _convolution(module), inputs, name)
    if isinstance(module, SameConvTranspose2d):
        return graph.add("Conv2DTranspose", _convolution(module), inputs, name)
    if isinstance(module, nn.BatchNorm2d):
        settings: Settings = {"axis": 3, "epsilon": module.eps, "center": True, "scale": True}
        return graph.add("BatchNormalization", settings, inputs, name)
    if isinstance(module, nn.ReLU):
        return graph.add("relu", ACTIVATIONS["relu"], inputs, name)
    if isinstance(module, nn.Sigmoid):
        return graph.add("sigmoid", ACTIVATIONS["sigmoid"], inputs, name)
    raise NotImplementedError(f"{name}: {type(module).__name__}")


def _convolution(module: SameConv2d | SameConvTranspose2d) -> Settings:
    return {
        "filters": module.out_channels,
        "kernel_size": tuple(module.kernel_size),
        "strides": tuple(module.stride),
        "padding": "same",
        "dilation_rate": (1, 1),
        "groups": 1,
        "use_bias": module.bias is not None,
        **_FORMAT,
    }


def _concatenate(step: fx.Node) -> tuple[str, Settings]:
    if step.kwargs.get("dim", step.args[1:]) not in {1, (1,)}:
        raise NotImplementedError(step.format_node())
    return "Concatenate", {"axis": 3}


def _max_pool(step: fx.Node) -> tuple[str, Settings]:
    size = step.args[1]
    return "MaxPooling2D", {"pool_size": (size, size), "strides": (size, size), **_FORMAT}


def _interpolate(step: fx.Node) -> tuple[str, Settings]:
    size = step.kwargs["scale_factor"]
    settings = {"size": (size, size), "interpolation": step.kwargs["mode"], **_FORMAT}
    return "UpSampling2D", settings


_FUNCTIONS: dict[object, Callable[[fx.Node], tuple[str, Settings]]] = {
    operator.add: lambda step: ("Add", {}),  # noqa: ARG005
    torch.cat: _concatenate,
    functional.relu: lambda step: ("relu", ACTIVATIONS["relu"]),  # noqa: ARG005
    functional.max_pool2d: _max_pool,
    functional.interpolate: _interpolate,
}
