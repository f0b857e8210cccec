"""Keras' own description of a model, turned into a graph."""

import json
from collections.abc import Mapping

from mrigen.errors import ModelError
from mrigen.models.keras_weights.layers import LAYERS
from mrigen.models.keras_weights.steps import Graph, short

_MOST_LAYERS = 1000


def read_graph(text: str, source: str) -> Graph:
    """Turn Keras' description of a functional model into a graph.

    Parameters
    ----------
    text
        The value of `model_config`.
    source
        The file's name, for messages.

    Raises
    ------
    ModelError
        If the text is not JSON, the model is not functional with one input and one output, or
        it has a layer that is not understood.
    """
    plan = _parse(text, source)
    if str(plan.get("class_name")) not in {"Functional", "Model"}:
        raise ModelError(
            f"'{source}' holds a {short(plan.get('class_name'))} model: expected a functional "
            "one, as Keras' Model(inputs, outputs) makes it."
        )
    config = _block(plan.get("config"), "the model", source)
    layers = config.get("layers")
    if not isinstance(layers, list) or not 0 < len(layers) <= _MOST_LAYERS:
        raise ModelError(f"'{source}' has no usable list of layers: expected 1 to {_MOST_LAYERS}.")
    graph = Graph()
    places: dict[str, int] = {}
    for values in layers:
        _read_layer(graph, places, _block(values, "a layer", source), source)
    graph.output = places[_only_output(config, places, source)]
    return graph


def _read_layer(
    graph: Graph, places: dict[str, int], layer: Mapping[str, object], source: str
) -> None:
    settings = _block(layer.get("config"), "a layer's config", source)
    name = str(settings.get("name"))
    if name in places:
        raise ModelError(f"'{source}' has two layers '{short(name)}': expected different names.")
    try:
        arithmetic = _arithmetic(settings)
        inputs = [places[taken] for taken in _inbound(layer)]
        places[name] = LAYERS[str(layer.get("class_name"))](graph, name, settings, inputs)
    except KeyError:
        raise ModelError(_refusal(layer, name, source)) from None
    except (TypeError, ValueError, AttributeError, IndexError):
        raise ModelError(
            f"layer '{short(name)}' of '{source}' is described in a way that Keras 2 does "
            "not use: expected its settings and its inputs. Save the model again."
        ) from None
    if arithmetic != "float32":
        raise ModelError(
            f"layer '{short(name)}' of '{source}' computes in {short(arithmetic)}: expected "
            "float32. Save the model in that arithmetic."
        )


def _parse(text: str, source: str) -> dict[str, object]:
    try:
        plan = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelError(
            f"'model_config' of '{source}' is not readable JSON ({short(error)}): expected what "
            "Keras writes. Save the model again."
        ) from None
    return _block(plan, "'model_config'", source)


def _only_output(config: Mapping[str, object], places: Mapping[str, int], source: str) -> str:
    try:
        (name,) = _history(config.get("output_layers"))
    except ValueError:
        name = ""
    if name not in places:
        raise ModelError(
            f"'{source}' answers {short(config.get('output_layers'))}: expected one output, of a "
            "layer in the file."
        )
    return name


def _refusal(layer: Mapping[str, object], name: str, source: str) -> str:
    kind = str(layer.get("class_name"))
    if kind not in LAYERS:
        return (
            f"layer '{short(name)}' of '{source}' is a {short(kind)}: expected only "
            f"{', '.join(sorted(LAYERS))}. No other kind is read, code least of all."
        )
    return (
        f"layer '{short(name)}' of '{source}' lacks a setting or takes a layer that does not come "
        "before it: expected what Keras writes. Save the model again."
    )


def _arithmetic(config: Mapping[str, object]) -> object:
    """Return the name of a layer's arithmetic: a text in Keras 2, a policy in later ones."""
    dtype = config.get("dtype", "float32")
    return dtype["config"]["name"] if isinstance(dtype, dict) else dtype


def _inbound(layer: Mapping[str, object]) -> list[str]:
    """Return the names of the layers that a layer takes, as Keras 2 or Keras 3 writes them."""
    calls = layer.get("inbound_nodes")
    if not isinstance(calls, list) or len(calls) > 1:
        raise ValueError("called more than once")
    if not calls:
        return []
    call = calls[0]
    if isinstance(call, dict):
        words, tensors = call["kwargs"], call["args"]
        tensors = tensors[0] if isinstance(tensors[0], list) else tensors
        histories = [tensor["config"]["keras_history"] for tensor in tensors]
    else:
        words = {key: word for entry in call for key, word in entry[3].items()}
        histories = [entry[:3] for entry in call]
    # `training=True` would keep dropout and batch statistics in the answer.
    if any(word for word in words.values()):
        raise ValueError("called with settings")
    return _history(histories)


def _history(entries: object) -> list[str]:
    """Return the layers' names of [name, 0, 0] entries; one entry may stand without a list."""
    if not isinstance(entries, list) or not entries:
        return []
    entries = [entries] if isinstance(entries[0], str) else entries
    names = []
    for entry in entries:
        if not isinstance(entry, list) or list(entry[1:3]) != [0, 0]:
            raise ValueError(entry)
        names.append(str(entry[0]))
    return names


def _block(value: object, what: str, source: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ModelError(
            f"{what} of '{source}' is {short(type(value).__name__)}: expected a block of keys."
        )
    return value
