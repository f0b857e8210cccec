"""Feature extractors from TorchScript files: any network, without its Python code."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import torch
from torch import Tensor, nn

from mrigen.errors import ModelError
from mrigen.metrics.features import FeatureExtractor
from mrigen.metrics.torchscript_archive import (
    MAX_BYTES,
    first_line,
    no_torchscript,
    require_plain_torchscript,
)


def torchscript_extractor(
    path: Path,
    *,
    label: str,
    channels: int,
    size: int,
    value_range: tuple[float, float],
    digest: str | None = None,
    device: torch.device | str = "cpu",
) -> FeatureExtractor:
    """Return the extractor in a file that `torch.jit.save` wrote.

    Parameters
    ----------
    path
        The file, at most `MAX_BYTES`.
    label
        Its name in the evaluation.
    channels, size, value_range
        What it expects: (N, channels, size, size) float32 in `value_range`.
    digest
        SHA-256 of the file in hexadecimal, if it must be this one.
    device
        Where it computes.

    Raises
    ------
    ModelError
        If the file is missing, too large, another one or no TorchScript, if its code reaches for
        files or for operators that torch itself does not bring, or if it does not answer two
        images with two rows of finite features.

    Notes
    -----
    A TorchScript file is a program. It cannot call Python, and unlike a pickle it names no
    Python objects that would be imported. But its language has operators that write and map
    files, and parts of it run while it is loaded: code with such operators, with custom ones or
    with custom classes is refused before. This keeps out mistakes and simple attacks. It is no
    sandbox, which torch does not offer: use files whose origin you trust, and pin their digest.
    """
    content = _read(path, digest)
    require_plain_torchscript(content, path)
    extractor = FeatureExtractor(
        name=label,
        network=_load(content, path, device),
        features=0,
        channels=channels,
        size=size,
        value_range=value_range,
        digest=_digest(content, channels, size, value_range),
        device=torch.device(device),
    )
    return _with_features(extractor, path)


def _read(path: Path, expected: str | None) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ModelError(
            f"the TorchScript file '{path}' cannot be read ({error.strerror}): expected a file "
            "that torch.jit.save wrote. Put it there, or correct 'path'."
        ) from None
    if len(content) > MAX_BYTES:
        raise ModelError(
            f"the TorchScript file '{path}' is too large: expected at most {MAX_BYTES} bytes. Use "
            "a smaller network."
        )
    digest = sha256(content).hexdigest()
    if expected is not None and digest != expected.lower():
        raise ModelError(
            f"the TorchScript file '{path}' has the sha256 {digest}: expected {expected}. Fetch it "
            "again, or correct 'sha256'."
        )
    return content


def _load(content: bytes, path: Path, device: torch.device | str) -> nn.Module:
    try:
        with _deprecated():
            network: nn.Module = torch.jit.load(  # type: ignore[no-untyped-call]
                BytesIO(content), map_location=device
            )
    except (RuntimeError, ValueError) as error:
        raise no_torchscript(path, first_line(error)) from None
    return network.eval()


def _with_features(extractor: FeatureExtractor, path: Path) -> FeatureExtractor:
    # Two images, one without contrast and one that tells rows from columns; and one alone.
    size = extractor.size
    ramp = torch.linspace(0, 1, size).expand(1, 1, size, size)
    probe = torch.cat([torch.zeros_like(ramp), ramp]).to(extractor.device)
    try:
        with torch.inference_mode():
            pair = extractor.network(extractor.prepare(probe))
            alone = extractor.network(extractor.prepare(probe[1:]))
    except RuntimeError as error:  # torch.jit.Error is one
        shape = (2, extractor.channels, size, size)
        raise ModelError(
            f"the TorchScript file '{path}' has no answer to images of shape {shape} "
            f"({first_line(error)}): expected a network for them. Correct 'channels' and 'size'."
        ) from None
    shown = tuple(pair.shape) if isinstance(pair, Tensor) else type(pair).__name__
    if not isinstance(pair, Tensor) or pair.ndim != 2 or len(pair) != 2 or not pair.shape[1]:
        raise ModelError(
            f"the TorchScript file '{path}' answers two images with {shown}: expected features of "
            "shape (2, features). Export a network that ends in a pooled layer."
        )
    if not pair.is_floating_point() or not bool(pair.isfinite().all()):
        raise ModelError(
            f"the TorchScript file '{path}' answers with {pair.dtype} values that are no finite "
            "features: expected numbers. Correct 'value_range', or use another network."
        )
    if not torch.allclose(alone[0], pair[1], rtol=1e-3, atol=1e-3 * float(pair.abs().max())):
        raise ModelError(
            f"the TorchScript file '{path}' answers an image differently alone and in company: "
            "expected the same. Export the network after eval()."
        )
    return replace(extractor, features=pair.shape[1])


def _digest(content: bytes, channels: int, size: int, value_range: tuple[float, float]) -> str:
    settings = f"{sha256(content).hexdigest()} {channels} {size} {value_range}"
    return sha256(settings.encode()).hexdigest()


@contextmanager
def _deprecated() -> Iterator[None]:
    # TorchScript goes on working; what takes its place cannot be read without running Python.
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message="`torch.jit.load` is deprecated", category=DeprecationWarning
        )
        yield
