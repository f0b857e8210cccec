"""The HDF5 file of a whole Keras model, read with distrust: such files come from downloads.

Nothing in it is executed, no link is followed, and nothing is read before its kind and size are
known to be what was expected.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import h5py
import numpy as np
from numpy.typing import NDArray

from mrigen.errors import ModelError
from mrigen.models.keras_weights.steps import first_few, short

Shape = tuple[int, ...]
Shapes = Mapping[str, Mapping[str, Shape]]
Weights = dict[str, dict[str, NDArray[np.float32]]]

_LARGEST_FILE = 2**31
_LARGEST_TEXT = 2**23
_MOST_WEIGHTS = 16  # of one layer
FLOAT32 = np.dtype(np.float32)


class Checkpoint:
    """An open file: the plan of its layers, and their weights.

    Parameters
    ----------
    file
        The open HDF5 file.
    name
        Its name in messages.
    size
        Its size in bytes.
    """

    def __init__(self, file: h5py.File, name: str, size: int) -> None:
        self._file = file
        self.name = name
        self._size = size

    def plan(self) -> str:
        """Return the model as Keras describes it, JSON that is not looked into here.

        Raises
        ------
        ModelError
            If the file holds weights alone.
        """
        text = self._text(self._file, "model_config")
        if text is None:
            raise ModelError(
                f"'{self.name}' has no 'model_config': expected a whole model as Keras' "
                "model.save writes it, not weights alone. Save the model again."
            )
        return text

    def keras_version(self) -> str:
        """Return the version of Keras that wrote the file, "unknown" where it does not say."""
        return short(self._text(self._file, "keras_version") or "unknown")

    def weights(self, wanted: Shapes, network: str) -> Weights:
        """Read the weights of layers, once all are known to be what is wanted.

        Parameters
        ----------
        wanted
            Of each layer, the shapes of its weights by their short names ("kernel", "gamma").
        network
            The network that they are for, named in the refusal.

        Raises
        ------
        ModelError
            If weights are missing, of another shape or kind, or hold values that no training
            leaves behind.
        """
        with _readable(self.name):
            places = {layer: self._places(layer) for layer in wanted}
            problems = [
                problem
                for layer, shapes in wanted.items()
                for problem in _faults(layer, places[layer], shapes)
            ]
        needed = sum(
            math.prod(shape) * FLOAT32.itemsize
            for shapes in wanted.values()
            for shape in shapes.values()
        )
        if not problems and needed > self._size:
            problems = [f"the file has {self._size:,} bytes, not at least {needed:,}"]
        if problems:
            raise ModelError(
                f"the weights of '{self.name}' are not those of a '{network}': "
                f"{first_few(problems)}. Save the model again, or name the network it is."
            )
        return {
            layer: {word: self._read(layer, word, places[layer][word]) for word in shapes}
            for layer, shapes in wanted.items()
        }

    def _places(self, layer: str) -> dict[str, h5py.Dataset]:
        group = self._walk(("model_weights", layer), h5py.Group)
        return {
            PurePosixPath(name).name.partition(":")[0]: self._walk(
                ("model_weights", layer, *name.split("/")), h5py.Dataset
            )
            for name in self._names(group, layer)
        }

    def _read(self, layer: str, word: str, dataset: h5py.Dataset) -> NDArray[np.float32]:
        with _readable(self.name):
            values = np.asarray(dataset[()], dtype=np.float32)
        finite = bool(np.isfinite(values).all())
        if not finite or (word == "moving_variance" and bool((values < 0).any())):
            found = "a negative variance" if finite else "values that are not finite"
            raise ModelError(
                f"'{word}' of layer '{short(layer)}' of '{self.name}' has {found}: expected "
                "numbers of a training that went well. Use another file."
            )
        return values

    def _walk(self, names: tuple[str, ...], kind: type) -> h5py.Group | h5py.Dataset:
        """Go down hard links, one name at a time; soft and external ones may lead anywhere."""
        node: h5py.Group | h5py.Dataset = self._file
        for depth, name in enumerate(names, start=1):
            inside = isinstance(node, h5py.Group) and _plain(name)
            link = node.get(name, getlink=True) if inside else None
            if not isinstance(link, h5py.HardLink):
                raise ModelError(
                    f"'{self.name}' has no '{short('/'.join(names[:depth]))}', or only a link: "
                    "expected every layer of the model with its weights. Save the model again."
                )
            node = node[name]
        if not isinstance(node, kind):
            raise ModelError(
                f"'{short('/'.join(names))}' of '{self.name}' is a {type(node).__name__.lower()}: "
                f"expected a {kind.__name__.lower()}. Save the model again."
            )
        return node

    def _names(self, group: h5py.Group, layer: str) -> list[str]:
        if "weight_names" in group.attrs:
            attribute = group.attrs.get_id("weight_names")
            text = h5py.check_string_dtype(attribute.dtype) is not None
            few = attribute.shape == () or len(attribute.shape) == 1
            if text and few and math.prod(attribute.shape) <= _MOST_WEIGHTS:
                values = np.atleast_1d(group.attrs["weight_names"]).tolist()
                return [_decode(value) for value in values]
        raise ModelError(
            f"layer '{short(layer)}' of '{self.name}' has no list of weights ('weight_names'): "
            f"expected up to {_MOST_WEIGHTS} names. Save the model again."
        )

    def _text(self, place: h5py.Group, key: str) -> str | None:
        with _readable(self.name):
            if key not in place.attrs:
                return None
            attribute = place.attrs.get_id(key)
            text = h5py.check_string_dtype(attribute.dtype) is not None and attribute.shape == ()
            if not text or attribute.dtype.itemsize > _LARGEST_TEXT:
                return None
            value = _decode(place.attrs[key])
            return value if len(value) <= _LARGEST_TEXT else None


@contextmanager
def open_checkpoint(path: Path) -> Iterator[Checkpoint]:
    """Open a Keras file for reading.

    Raises
    ------
    ModelError
        If it is missing, too large or not HDF5.
    """
    if not path.is_file():
        raise ModelError(
            f"'{path}' is not a file: expected a model that Keras saved as .h5. Check its name."
        )
    size = path.stat().st_size
    if size > _LARGEST_FILE:
        raise ModelError(
            f"'{path}' has {size:,} bytes: expected at most {_LARGEST_FILE:,}. "
            "Save the model without the state of its optimiser."
        )
    with _readable(path.name):
        file = h5py.File(path, "r")
    with file:
        yield Checkpoint(file, path.name, size)


@contextmanager
def _readable(name: str) -> Iterator[None]:
    # h5py tells damage by many kinds of error, as the HDF5 library stumbles over it.
    try:
        yield
    except (OSError, ValueError, KeyError, RuntimeError, TypeError) as error:
        raise ModelError(
            f"'{name}' is not a readable HDF5 file ({short(error)}): expected a model that "
            "Keras saved as .h5. Copy or save it again."
        ) from None


def _faults(layer: str, places: dict[str, h5py.Dataset], shapes: Mapping[str, Shape]) -> list[str]:
    """Say in a clause each why weights are not what is wanted."""
    if places.keys() != shapes.keys():
        there = ", ".join(sorted(places)) or "none"
        return [f"'{short(layer)}' has weights {short(there)}, not {', '.join(shapes)}"]
    faults = ((word, _fault(places[word], tuple(shape))) for word, shape in shapes.items())
    return [f"'{word}' of '{short(layer)}' {fault}" for word, fault in faults if fault]


def _fault(dataset: h5py.Dataset, shape: Shape) -> str | None:
    if dataset.shape != shape:
        return f"has shape {short(dataset.shape)}, not {shape}"
    if dataset.dtype != FLOAT32:
        return f"holds {short(dataset.dtype)}, not float32"
    plist = dataset.id.get_create_plist()
    # A filter may unpack to any size, and other layouts may lie in other files.
    plain = plist.get_layout() in {h5py.h5d.CONTIGUOUS, h5py.h5d.COMPACT}
    if not plain or plist.get_nfilters() or plist.get_external_count():
        return "is chunked, packed or in another file, not plain as Keras writes"
    size, stored = math.prod(shape) * FLOAT32.itemsize, dataset.id.get_storage_size()
    return None if stored == size else f"has {stored} bytes, not {size}"


def _plain(name: str) -> bool:
    return name not in {"", ".", ".."} and "/" not in name and "\0" not in name


def _decode(value: object) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)
