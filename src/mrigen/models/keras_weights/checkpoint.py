"""The HDF5 file of a whole Keras model, read with distrust: such files come from downloads.

Nothing in it is executed, no link is followed, and nothing is read before its kind and size are
known to be what was expected.
"""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import h5py
import numpy as np
from numpy.typing import NDArray

from mrigen.errors import ModelError

_LARGEST_FILE = 2**32
_LARGEST_TEXT = 2**23
_MOST_WEIGHTS = 16  # of one layer
_FLOAT32 = np.dtype(np.float32)


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
        self.size = size

    def plan(self) -> dict[str, object]:
        """Return the model as Keras describes it, plain JSON values.

        Raises
        ------
        ModelError
            If the file holds weights alone, or a description that is not JSON.
        """
        text = self._text(self._file, "model_config")
        if text is None:
            raise ModelError(
                f"'{self.name}' has no 'model_config': expected a whole model as Keras' "
                "model.save writes it, not weights alone. Save the model again."
            )
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ModelError(
                f"'model_config' of '{self.name}' is not readable JSON ({_brief(error)}): "
                "expected what Keras writes. Save the model again."
            ) from None
        if not isinstance(values, dict):
            raise ModelError(
                f"'model_config' of '{self.name}' is {type(values).__name__}: "
                "expected a JSON object. Save the model again."
            )
        return values

    def keras_version(self) -> str:
        """Return the version of Keras that wrote the file, "unknown" where it does not say."""
        return (self._text(self._file, "keras_version") or "unknown")[:40]

    def weight_paths(self, layer: str) -> dict[str, str]:
        """Return where each weight of a layer lies, by its short name ("kernel", "gamma", ...).

        Raises
        ------
        ModelError
            If the layer has no group or no usable list of its weights.
        """
        with _readable(self.name):
            names = self._names(self._walk(("model_weights", layer), h5py.Group), layer)
        return {PurePosixPath(name).name.partition(":")[0]: name for name in names}

    def fault(self, layer: str, path: str, shape: tuple[int, ...]) -> str | None:
        """Say in a clause why the values of a weight cannot be read; None where they can."""
        with _readable(self.name):
            dataset = self._walk(("model_weights", layer, *path.split("/")), h5py.Dataset)
            return _fault(dataset, path, shape)

    def read(self, layer: str, path: str) -> NDArray[np.float32]:
        """Read one weight that has no fault.

        Raises
        ------
        ModelError
            If a value is not finite.
        """
        with _readable(self.name):
            dataset = self._walk(("model_weights", layer, *path.split("/")), h5py.Dataset)
            values = np.asarray(dataset[()], dtype=np.float32)
        if not np.isfinite(values).all():
            raise ModelError(
                f"weight '{path}' of '{self.name}' has values that are not finite: expected "
                "numbers. The training had failed, or the file is damaged: use another one."
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
                    f"'{self.name}' has no '{_brief('/'.join(names[:depth]))}', or only a link: "
                    "expected every layer of the model with its weights. Save the model again."
                )
            node = node[name]
        if not isinstance(node, kind):
            raise ModelError(
                f"'{_brief('/'.join(names))}' of '{self.name}' is a {type(node).__name__.lower()}: "
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
            f"layer '{_brief(layer)}' of '{self.name}' has no list of weights ('weight_names'): "
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
            f"'{name}' is not a readable HDF5 file ({_brief(error)}): expected a model that "
            "Keras saved as .h5. Copy or save it again."
        ) from None


def _fault(dataset: h5py.Dataset, path: str, shape: tuple[int, ...]) -> str | None:
    if dataset.shape != shape:
        return f"'{_brief(path)}' has shape {_brief(dataset.shape)}, not {shape}"
    if dataset.dtype != _FLOAT32:
        return f"'{_brief(path)}' holds {_brief(dataset.dtype)}, not float32"
    plist = dataset.id.get_create_plist()
    # A filter may unpack to any size, and other layouts may lie in other files.
    plain = plist.get_layout() in {h5py.h5d.CONTIGUOUS, h5py.h5d.COMPACT}
    if not plain or plist.get_nfilters() or plist.get_external_count():
        return f"'{_brief(path)}' is chunked, packed or in another file, not plain as Keras writes"
    size, stored = math.prod(shape) * _FLOAT32.itemsize, dataset.id.get_storage_size()
    return None if stored == size else f"'{_brief(path)}' has {stored} bytes, not {size}"


def _plain(name: str) -> bool:
    return name not in {"", ".", ".."} and "/" not in name and "\0" not in name


def _decode(value: object) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def _brief(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 80 else f"{text[:77]}..."
