"""Reading a Keras file in a process of its own.

The HDF5 library is C code that a damaged file can drive into a crash or an endless loop. There it
takes only a child process with it, which has a limited memory and time.
"""

import json
import math
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from mrigen.errors import ModelError
from mrigen.models.keras_weights.checkpoint import (
    FLOAT32,
    Shapes,
    Weights,
    open_checkpoint,
)

_SECONDS = 60.0
_MEMORY = 2**33


class GuardedCheckpoint:
    """What `Checkpoint` tells of a file, asked of a child process.

    Parameters
    ----------
    ask, answer
        Standard input and output of a process that runs `main` of this file.
    name
        The file's name in messages.
    """

    def __init__(self, ask: IO[bytes], answer: IO[bytes], name: str) -> None:
        self._ask, self._answer = ask, answer
        self.name = name
        self._head = self._hear()

    def plan(self) -> str:
        """Return the model as Keras describes it."""
        return str(self._head["plan"])

    def keras_version(self) -> str:
        """Return the version of Keras that wrote the file."""
        return str(self._head["keras_version"])

    def weights(self, wanted: Shapes, network: str) -> Weights:
        """Return the weights of layers; see `Checkpoint.weights`."""
        try:
            _say(self._ask, {"wanted": wanted, "network": network})
        except OSError:
            raise self._lost() from None
        self._hear()
        return {
            layer: {word: self._array(shape) for word, shape in shapes.items()}
            for layer, shapes in wanted.items()
        }

    def _hear(self) -> dict[str, Any]:
        line = self._answer.readline()
        if not line.endswith(b"\n"):
            raise self._lost()
        answer: dict[str, Any] = json.loads(line)
        if "refused" in answer:
            raise ModelError(answer["refused"])
        return answer

    def _array(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        size = math.prod(shape) * FLOAT32.itemsize
        content = bytearray(self._answer.read(size))
        if len(content) != size:
            raise self._lost()
        return np.frombuffer(content, FLOAT32).reshape(shape)

    def _lost(self) -> ModelError:
        return ModelError(
            f"'{self.name}' is not a readable HDF5 file (the HDF5 library broke down over it, or "
            f"took more than {_SECONDS:.0f} s): expected a model that Keras saved as .h5. Copy or "
            "save it again."
        )


@contextmanager
def open_guarded(path: Path) -> Iterator[GuardedCheckpoint]:
    """Open a Keras file for reading in a child process.

    Raises
    ------
    ModelError
        As `open_checkpoint` does, and if the child dies or takes too long.
    """
    # Without -P the child would import from the current folder, where downloads lie.
    command = [sys.executable, "-P", "-m", __name__, str(path)]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # each thread would reserve memory
    ) as child:
        watchdog = threading.Timer(_SECONDS, child.kill)
        watchdog.daemon = True
        watchdog.start()
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            yield GuardedCheckpoint(child.stdin, child.stdout, path.name)
        finally:
            watchdog.cancel()
            child.kill()
            with suppress(OSError):  # a question that a dead child did not take
                child.stdin.close()


def main(path: Path, ask: IO[bytes], answer: IO[bytes]) -> None:
    """Tell of the file at `path`, then of the weights that are asked for."""
    try:
        with open_checkpoint(path) as checkpoint:
            version = checkpoint.keras_version()
            _say(answer, {"plan": checkpoint.plan(), "keras_version": version})
            line = ask.readline()
            if line:
                weights = checkpoint.weights(**json.loads(line))
                _say(answer, {})
                for arrays in weights.values():
                    for values in arrays.values():
                        answer.write(values.tobytes())
    except ModelError as error:
        _say(answer, {"refused": str(error)})
    answer.flush()


def _say(stream: IO[bytes], values: object) -> None:
    stream.write(json.dumps(values).encode() + b"\n")
    stream.flush()


def _limit_memory() -> None:
    if sys.platform != "win32":
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_AS)
        if most == resource.RLIM_INFINITY or most > _MEMORY:
            # macOS reserves more than this for any program, and refuses to fall below it.
            with suppress(OSError, ValueError):
                resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, most))


if __name__ == "__main__":
    _limit_memory()
    main(Path(sys.argv[1]), sys.stdin.buffer, sys.stdout.buffer)
