"""Which of our networks a Keras graph is, and at what size."""

from collections.abc import Callable

from mrigen.errors import ModelError
from mrigen.models.keras_weights.steps import Graph, Node, short

Values = dict[str, object]

_STUDY_SIZE = 128  # for a file that takes images of any size
_LARGEST_SIZE = 4096  # of a bundle


def network_values(name: str, graph: Graph) -> Values:
    """Return the configuration of network `name` that comes closest to `graph`.

    Parameters
    ----------
    name
        One of `IMPORTABLE`.
    graph
        The graph of a file.
    """
    return {"name": name, **IMPORTABLE[name](graph)}


def image_size(graph: Graph, source: str) -> int:
    """Return height and width of the images that `graph` takes; the study's where any will do.

    Raises
    ------
    ModelError
        If it takes colours, or images that are not square or too large.
    """
    if len(graph.image_shape) == 3:
        height, width, channels = graph.image_shape
        size = _STUDY_SIZE if height is None else height
        if channels == 1 and height == width and size <= _LARGEST_SIZE:
            return size
    raise ModelError(
        f"'{source}' takes images of shape {short(graph.image_shape)}: expected (size, size, 1), "
        f"height and width the same, at most {_LARGEST_SIZE}, and one channel. No network of "
        "mrigen takes others."
    )


def _base(graph: Graph) -> Values:
    filters = (node.settings["filters"] for node in graph.nodes if node.kind == "Conv2D")
    ups = sum(node.kind == "Conv2DTranspose" for node in graph.nodes)
    return {"base_channels": next(filters, 0), "depth": ups}


def _shallow(graph: Graph) -> Values:
    before = [(node.kind, _kinds(graph, node)) for node in graph.nodes]
    return {
        **_base(graph),
        "block": "original" if ("relu", ["Add"]) in before else "full_pre",
        "doubled_norms": ("BatchNormalization", ["BatchNormalization"]) in before,
    }


def _myronenko(graph: Graph) -> Values:
    return {**_base(graph), "dropout": max(graph.dropout, default=0.0)}


def _unet(graph: Graph) -> Values:
    depth = sum(node.kind == "UpSampling2D" for node in graph.nodes)
    convolutions = sum(node.kind == "Conv2D" for node in graph.nodes)
    return {
        "base_channels": _base(graph)["base_channels"],
        "depth": depth,
        "dropout": max(graph.dropout, default=0.0),
        # Two a level on both ways, two below, one a step up, the output.
        "paired_output": convolutions == 5 * depth + 4,
    }


def _kinds(graph: Graph, node: Node) -> list[str]:
    return [graph.nodes[place].kind for place in node.inputs]


IMPORTABLE: dict[str, Callable[[Graph], Values]] = {
    "residual_unet": _base,
    "skip_cae": _base,
    "shallow_residual_ae": _shallow,
    "myronenko_cae": _myronenko,
    "unet": _unet,
}
