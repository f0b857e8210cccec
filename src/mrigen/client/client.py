"""A client of `mrigen serve`."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from pydantic import TypeAdapter, ValidationError

from mrigen.client.address import find_key
from mrigen.client.answers import (
    AnomalyMaps,
    FloatImages,
    ImageFile,
    ModelInfo,
    Restored,
    Samples,
)
from mrigen.client.connection import Connection
from mrigen.client.files import format_of
from mrigen.client.questions import Value, ask_for_samples, ask_of_images, chosen_seed
from mrigen.client.reading import (
    Report,
    read_maps,
    read_restored,
    read_samples,
    save_samples,
)
from mrigen.errors import ClientError

T = TypeVar("T")

_REFERENCE = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,99})(?:@([A-Za-z0-9_.-]+)|/([0-9]{1,9}))?")


class Client:
    """A server of registered models.

    Requests that find no room (status 503 or 429) or lose their connection are made again: their
    seed is fixed beforehand, so that they bring the same images.

    Parameters
    ----------
    address
        Such as "http://127.0.0.1:8000".
    api_key
        What the server asks for; by default that of `MRIGEN_API_KEY`. Over "http" it can be read
        on the way.
    patience_s
        How many seconds after a first refusal for want of room, or a lost connection, a request
        may still be made again.

    Examples
    --------
    ::

        with Client("http://127.0.0.1:8000") as client:
            samples = client.sample("vae", count=10_000, seed=1)
            client.download("vae", "x.nii", count=100, seed=1)
    """

    def __init__(
        self, address: str, api_key: str | None = None, *, patience_s: float = 60.0
    ) -> None:
        self._connection = Connection(address, api_key or find_key(None), patience_s=patience_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; the next question opens them again."""
        self._connection.close()

    def models(self) -> tuple[ModelInfo, ...]:
        """List what is served.

        Raises
        ------
        ClientError
            If the server cannot be reached or refuses.
        """
        told = self._connection.ask_json("/v1/models")
        try:
            return _MODELS.validate_python(told["models"])
        except (ValidationError, LookupError, TypeError):
            raise ClientError(
                f"{self._connection.address} did not list models as this version of mrigen knows "
                "them: expected a server of mrigen. Correct the address."
            ) from None

    def find(self, reference: str, version: int | None = None) -> ModelInfo:
        """Return a served model.

        Parameters
        ----------
        reference
            "vae", "vae@champion" or "vae/3"; of a mere name the version that is served first.
        version
            Of it, in place of "/3".

        Raises
        ------
        ClientError
            If it is not served, listing what is.
        """
        match = _REFERENCE.fullmatch(reference)
        name, alias, number = match.groups() if match else (None, None, None)
        wanted = int(number) if number else version
        served = self.models()
        for model in served:
            if (
                model.name == name
                and wanted in (None, model.version)
                and (alias is None or alias in model.aliases)
            ):
                return model
        known = ", ".join(f"'{model.name}/{model.version}'" for model in served) or "nothing"
        asked = reference if version is None else f"{reference} version {version}"
        raise ClientError(
            f"{asked[:120]!a} is not served by {self._connection.address}: there is {known}. Name "
            "one of them.",
            404,
        )

    def sample(
        self,
        model: str,
        *,
        count: int = 1,
        seed: int | None = None,
        conditions: Mapping[str, Value] | None = None,
        quick: bool = False,
        version: int | None = None,
    ) -> Samples:
        """Draw samples.

        Parameters
        ----------
        model
            "vae", "vae@champion" or "vae/3".
        count
            How many; the server has a limit.
        seed
            Of the first; sample `i` has the seed `seed + i`. By default a random one.
        conditions
            Values of what the model lists under `conditions`, such as {"age": 70}.
        quick
            Sooner and other images, of a model that is `quick`.
        version
            Of the model, in place of "/3".

        Raises
        ------
        ClientError
            If the server cannot be reached, refuses, or answers something else.

        Examples
        --------
        ::

            samples = Client("http://127.0.0.1:8000").sample("vae", count=16, seed=1)
            samples.images.shape  # (16, 64, 64)
        """
        first = chosen_seed(seed, count)

        def ask(known: ModelInfo) -> Samples:
            question = ask_for_samples(known, count, first, conditions, "npz", quick=quick)
            read = partial(read_samples, model=known, count=count, seed=first, quick=quick)
            return self._connection.ask(question, read)

        return self._of(model, version, ask)

    def download(
        self,
        model: str,
        path: str | Path,
        *,
        count: int = 1,
        seed: int | None = None,
        conditions: Mapping[str, Value] | None = None,
        quick: bool = False,
        version: int | None = None,
        report: Report = lambda done, total: None,  # noqa: ARG005 - shows nothing
    ) -> ImageFile:
        """Draw samples into a file, which is there whole or not at all.

        Parameters
        ----------
        model, count, seed, conditions, quick, version
            As in `sample`.
        path
            A name in ".png" (one sheet), ".zip" (of pictures), ".npz" or ".nii".
        report
            Called with the bytes so far and in all; the latter None where the server does not say.

        Raises
        ------
        ClientError
            If the server cannot be reached, refuses, or answers something else.
        """
        out = Path(path)
        file_format = format_of(out)
        first = chosen_seed(seed, count)

        def ask(known: ModelInfo) -> ImageFile:
            question = ask_for_samples(known, count, first, conditions, file_format, quick=quick)
            save = partial(save_samples, model=known, count=count, seed=first, quick=quick)
            read = partial(save, out=out, file_format=file_format, report=report)
            return self._connection.ask(question, read)

        return self._of(model, version, ask)

    def restore(
        self, model: str, images: FloatImages | str | Path, *, version: int | None = None
    ) -> Restored:
        """Let a model restore images.

        Parameters
        ----------
        model
            "unet", "unet@champion" or "unet/3".
        images
            (H, W) or (N, H, W) in [0, 1], or a file: .png, .npz, .nii or .nii.gz. What has
            another size than the model's is brought to it.
        version
            Of the model, in place of "/3".

        Raises
        ------
        ClientError
            If the server cannot be reached, refuses, or answers something else.

        Examples
        --------
        ::

            restored = Client("http://127.0.0.1:8000").restore("unet", "scan.nii.gz").images
        """

        def ask(known: ModelInfo) -> Restored:
            question = ask_of_images("restore", known, images, {})
            return self._connection.ask(question, partial(read_restored, model=known))

        return self._of(model, version, ask)

    def anomaly(
        self,
        model: str,
        images: FloatImages | str | Path,
        *,
        method: str = "residual",
        version: int | None = None,
    ) -> AnomalyMaps:
        """Let a model map where images are unlike what it has learnt.

        Parameters
        ----------
        model, images, version
            As in `restore`.
        method
            "residual" is the difference to the model's answer, "probability" asks a VAE how
            likely every pixel is.

        Raises
        ------
        ClientError
            If the server cannot be reached, refuses, or answers something else.
        """

        def ask(known: ModelInfo) -> AnomalyMaps:
            question = ask_of_images("anomaly", known, images, {"method": method})
            return self._connection.ask(question, partial(read_maps, model=known))

        return self._of(model, version, ask)

    def _of(self, reference: str, version: int | None, ask: Callable[[ModelInfo], T]) -> T:
        """Ask a model; another one that takes its place meanwhile is asked instead."""
        known = self.find(reference, version)
        try:
            return ask(known)
        except ClientError as error:
            if error.status != 404:
                raise
            now = self.find(reference, version)
            if now == known:
                raise
        return ask(now)


_MODELS = TypeAdapter(tuple[ModelInfo, ...])
