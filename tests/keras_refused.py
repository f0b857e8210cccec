"""Small Keras files to be spoilt, and the sentence they are then refused with."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from keras_files import KerasModel
from keras_networks import skip_cae
from mrigen.errors import ModelError
from mrigen.models.keras_weights import reading
from mrigen.models.keras_weights.checkpoint import open_checkpoint


def good_file(folder: Path) -> Path:
    """Write a file that can be read as 'skip_cae'."""
    path = folder / "net.h5"
    path.write_bytes(_content())
    return path


def refusal(path: Path, name: str = "skip_cae") -> str:
    """Return the one sentence that the file is refused with."""
    with pytest.raises(ModelError) as caught:
        reading.read_keras(path, name)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert len(sentence) < 600
    return sentence


@contextmanager
def in_this_process() -> Iterator[None]:
    """Read Keras files without a child process, which would only make a test slow."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "open_guarded", open_checkpoint)
        yield


@cache
def _content() -> bytes:
    model = KerasModel(np.zeros((1, 16, 16, 1)))
    with TemporaryDirectory() as folder:
        return model.save(Path(folder) / "net.h5", skip_cae(model)).read_bytes()
