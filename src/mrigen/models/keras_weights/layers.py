"""The layers of Keras that are understood, each as a step of a graph.

Of a layer's settings only those are read that change the answer of the trained network:
regularisers, initialisers and constraints do not.
"""

from collections.abc import Callable

from mrigen.models.keras_weights.steps import ACTIVATIONS, Graph, Settings, short

LayerReader = Callable[[Graph, str, Settings, list[int]], int]


def _input(graph: Graph, name: str, config: Settings, inputs: list[int]) -> int:
    shape = config.get("batch_input_shape", config.get("batch_shape"))
    if inputs or graph.image_shape or not isinstance(shape, list) or len(shape) != 4:
        raise ValueError(shape)
    if not all(side is None or (type(side) is int and side > 0) for side in shape[1:]):
        raise ValueError(shape)
    graph.image_shape = tuple(shape[1:])
    return graph.add("InputLayer", {}, (), name)


def _convolution(kind: str) -> LayerReader:
    def read(graph: Graph, name: str, config: Settings, inputs: list[int]) -> int:
        kernel = _pair(config["kernel_size"])
        settings = {
            "filters": config["filters"],
            "kernel_size": kernel,
            "strides": _pair(config["strides"]),
            # One pixel needs no padding.
            "padding": "same" if kernel == (1, 1) else config["padding"],
            "dilation_rate": _pair(config.get("dilation_rate", 1)),
            "groups": config.get("groups", 1),
            "use_bias": config["use_bias"],
            **_format(config),
        }
        if config.get("output_padding") is not None:
            settings["output_padding"] = config["output_padding"]
        place = graph.add(kind, settings, _one(inputs), name)
        return _activate(graph, name, config.get("activation"), place)

    return read


def _batch_norm(graph: Graph, name: str, config: Settings, inputs: list[int]) -> int:
    axis = config["axis"]
    settings = {
        "axis": _axis(axis[0] if isinstance(axis, list) and len(axis) == 1 else axis),
        "epsilon": round(float(str(config["epsilon"])), 9),
        "center": config["center"],
        "scale": config["scale"],
    }
    return graph.add("BatchNormalization", settings, _one(inputs), name)


def _relu(graph: Graph, name: str, config: Settings, inputs: list[int]) -> int:
    settings: Settings = {
        "max_value": config.get("max_value"),
        "negative_slope": float(str(config.get("negative_slope") or 0)),
        "threshold": float(str(config.get("threshold") or 0)),
    }
    return graph.add("relu", settings, _one(inputs), name)


def _activation(graph: Graph, name: str, config: Settings, inputs: list[int]) -> int:
    return _activate(graph, name, config["activation"], _one(inputs)[0])


def _dropout(graph: Graph, name: str, config: Settings, inputs: list[int]) -> int:  # noqa: ARG001
    graph.dropout.append(float(str(config["rate"])))
    return _one(inputs)[0]


def _add(graph: Graph, name: str, config: Settings, inputs: list[int]) -> int:  # noqa: ARG001
    return graph.add("Add", {}, inputs, name)


def _concatenate(graph: Graph, name: str, config: Settings, inputs: list[int]) -> int:
    return graph.add("Concatenate", {"axis": _axis(config.get("axis", -1))}, inputs, name)


def _max_pooling(graph: Graph, name: str, config: Settings, inputs: list[int]) -> int:
    size = _pair(config["pool_size"])
    strides = size if config.get("strides") is None else _pair(config["strides"])
    # Sides that divide by the size need no padding.
    settings = {"pool_size": size, "strides": strides, **_format(config)}
    return graph.add("MaxPooling2D", settings, _one(inputs), name)


def _up_sampling(graph: Graph, name: str, config: Settings, inputs: list[int]) -> int:
    settings = {
        "size": _pair(config["size"]),
        "interpolation": config.get("interpolation", "nearest"),
        **_format(config),
    }
    return graph.add("UpSampling2D", settings, _one(inputs), name)


def _activate(graph: Graph, name: str, activation: object, place: int) -> int:
    if activation in {None, "linear"}:
        return place
    return graph.add(short(activation), ACTIVATIONS.get(str(activation), {}), (place,), name)


def _one(inputs: list[int]) -> tuple[int]:
    (place,) = inputs
    return (place,)


def _pair(value: object) -> tuple[int, int]:
    first, second = value if isinstance(value, list | tuple) else (value, value)
    if type(first) is not int or type(second) is not int:
        raise TypeError(value)
    return first, second


def _axis(value: object) -> object:
    return 3 if value == -1 else value


def _format(config: Settings) -> Settings:
    return {"data_format": config["data_format"]}


LAYERS: dict[str, LayerReader] = {
    "InputLayer": _input,
    "Conv2D": _convolution("Conv2D"),
    "Conv2DTranspose": _convolution("Conv2DTranspose"),
    "BatchNormalization": _batch_norm,
    "ReLU": _relu,
    "Activation": _activation,
    "Dropout": _dropout,
    "SpatialDropout2D": _dropout,
    "Add": _add,
    "Concatenate": _concatenate,
    "MaxPooling2D": _max_pooling,
    "UpSampling2D": _up_sampling,
}
