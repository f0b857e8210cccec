"""Models that follow the registry: an alias that moves is followed while the server runs."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from mrigen.errors import ModelError, MrigenError, RegistryError, TrackingError, printable
from mrigen.registry.lookup import RegisteredVersion
from mrigen.serving.batcher import ComputingFailed
from mrigen.serving.schemas import Refused
from mrigen.serving.served import ServedModel
from mrigen.serving.shelf import Shelf
from mrigen.serving.state import ServerState
from mrigen.stages.serving.beside import beside
from mrigen.stages.serving.loading import load_version
from mrigen.stages.serving.wanted import Sighting, look
from mrigen.tracking.tracker import Tracker

_log = logging.getLogger(__name__)


class Follower:
    """Keeps a shelf at what the registry names.

    What fails its checks, cannot be loaded or computes no images is kept out, with one warning
    until something else takes its place in the registry, and what was served before still is. So
    it is when the registry cannot be reached, or an alias is gone.

    Parameters
    ----------
    tracker
        The MLflow store.
    references
        Registered models as NAME@ALIAS, NAME/VERSION or NAME; all champions if there are none.
    device
        A torch device.
    watch_seconds
        Between two looks at the registry; 0 for one look alone.

    Attributes
    ----------
    shelf
        What is served.
    failure
        Why the server has to stop, where nothing can be served.
    """

    def __init__(
        self, tracker: Tracker, references: Sequence[str], device: str, watch_seconds: float
    ) -> None:
        self.shelf = Shelf()
        self.failure: MrigenError | None = None
        self._tracker, self._references = tracker, tuple(references)
        self._device, self._watch_seconds = device, watch_seconds
        self._first: dict[str, RegisteredVersion] = {}
        self._held: dict[str, ServedModel] = {}
        self._refused: dict[str, tuple[RegisteredVersion, Refused]] = {}
        self._told: dict[str, str] = {}  # the last warning on each reference, or its files

    def load_first(self) -> None:
        """Load what the registry names now.

        Raises
        ------
        ModelError, RegistryError
            If a reference names nothing that can be served, or there is no champion that can.
        TrackingError
            If the store cannot be read.
        """
        sighting = look(self._tracker, self._references)
        self._first = sighting.found
        for sentence in sighting.missing.values():
            raise RegistryError(sentence)
        last: Exception | None = None
        for reference, version in sighting.found.items():
            try:
                self._held[reference] = self._known(version) or load_version(
                    self._tracker, version, self._device
                )
            # Whatever others put into the registry, the rest of it is served.
            except Exception as error:
                if self._references:
                    raise
                if isinstance(error, TrackingError):  # the next look tries again
                    self._tell(reference, f"{_capital(version)} is not served yet: {error}")
                else:
                    self._refuse(reference, version, error)
                last = error
        if not self._held:
            raise last or RegistryError(
                f"no champion is registered in {self._tracker.address}: run 'mrigen register "
                "MODEL', or serve a candidate with --model NAME@candidate."
            )
        self._show(None)

    @contextlib.asynccontextmanager
    async def attend(self, state: ServerState) -> AsyncIterator[None]:
        """Warm up what is on the shelf, then follow the registry."""
        await self._warm_all(state)
        task = asyncio.create_task(self._watch(state)) if self._watch_seconds else None
        try:
            yield
        finally:
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    async def follow(self, state: ServerState) -> None:
        """Look at the registry once and serve what it names."""
        try:
            sighting = await beside(lambda: look(self._tracker, self._references))
        except TrackingError as error:
            self._tell("", f"{error} What is loaded is served meanwhile.")
            return
        if self._told.pop("", None):
            _log.info("The registry answers again.")
        self._tell_missing(sighting)
        for reference, version in sighting.found.items():
            await self._serve(reference, version, state)
        self._show(state)

    async def _watch(self, state: ServerState) -> None:
        while True:
            await asyncio.sleep(self._watch_seconds)
            try:
                await self.follow(state)
            # The server goes on with what it has, whatever is wrong with one look.
            except Exception:
                _log.exception("Looking at the registry failed.")

    async def _serve(self, reference: str, version: RegisteredVersion, state: ServerState) -> None:
        """Let a reference stand for a version, if the version can be served."""
        kept_out = self._refused.get(reference)
        if kept_out is not None and _same(kept_out[0], version):
            return
        known = self._known(version)
        try:
            model = known or await self._load(version, state)
        except TrackingError as error:  # it went away meanwhile: the next look tries again
            self._tell(_files_of(reference), f"{error} What is loaded is served meanwhile.")
            return
        except Exception as error:  # whatever it is, the other references are looked at
            self._refuse(reference, version, error)
            return
        before = self._held.get(reference)
        self._held[reference] = model
        self._refused.pop(reference, None)
        self._told.pop(_files_of(reference), None)
        if known is None:
            instead = f" in place of version {before.version}" if before else ""
            _log.info("'%s' is served in version %d now%s.", model.name, model.version, instead)

    async def _load(self, version: RegisteredVersion, state: ServerState) -> ServedModel:
        model = await beside(lambda: load_version(self._tracker, version, self._device))
        await state.batcher.warm(model)
        return model

    async def _warm_all(self, state: ServerState) -> None:
        failure: Exception | None = None
        held = dict(self._held)
        distinct = list(dict.fromkeys(held.values()))
        answers = await asyncio.gather(*map(state.batcher.warm, distinct), return_exceptions=True)
        failed = dict(zip(distinct, answers, strict=True))
        for reference, model in held.items():
            error = failed[model]
            if isinstance(error, Exception):
                failure = error
                del self._held[reference]
                self._refuse(reference, self._first[reference], error)
        if failure is not None and (self._references or not self._held):
            self.failure = ModelError(
                f"a model cannot be served ({failure}): the log names it. Leave it out, or train "
                "and register it again."
            )
            state.draining = True  # the server ends before it has answered anybody
        self._show(state)

    def _known(self, version: RegisteredVersion) -> ServedModel | None:
        """Return a loaded version with its aliases and metrics of now."""
        for model in self._held.values():
            if (model.name, model.version, model.digest) == _identity(version):
                if (model.aliases, model.metrics) == (version.aliases, version.metrics):
                    return model
                return replace(model, aliases=version.aliases, metrics=version.metrics)
        return None

    def _refuse(self, reference: str, version: RegisteredVersion, error: Exception) -> None:
        reason = "checks" if isinstance(error, RegistryError) else "loading"
        if isinstance(error, ComputingFailed):
            reason = "warm-up"
        refused = Refused(name=version.name, version=version.version, reason=reason)
        self._refused[reference] = version, refused
        held = self._held.get(reference)
        still = f" Version {held.version} is still served." if held else ""
        # No room on the device is a RuntimeError of torch.
        known = isinstance(error, MrigenError | ComputingFailed | RuntimeError | MemoryError)
        _log.warning(
            "%s is kept out of service: %s%s",
            *(_capital(version), printable(str(error)), still),
            exc_info=None if known else error,
        )

    def _show(self, state: ServerState | None) -> None:
        models = {(model.name, model.version): model for model in self._held.values()}
        self.shelf.replace(tuple(models.values()))
        if state is not None:
            state.refused = tuple({refused for _, refused in self._refused.values()})

    def _tell_missing(self, sighting: Sighting) -> None:
        for reference in self._refused.keys() - sighting.found.keys():
            del self._refused[reference]
        for reference in self._held.keys() - sighting.found.keys():
            self._tell(
                reference, f"'{reference}' is not in the registry any more: what it was is served."
            )
        for reference in sighting.found:
            self._told.pop(reference, None)

    def _tell(self, reference: str, sentence: str) -> None:
        if self._told.get(reference) != sentence:
            self._told[reference] = sentence
            _log.warning("%s", printable(sentence))


def _files_of(reference: str) -> str:
    return f"the files of {reference}"


def _identity(version: RegisteredVersion) -> tuple[str, int, str | None]:
    return version.name, version.version, version.digest


def _same(one: RegisteredVersion, other: RegisteredVersion) -> bool:
    return replace(one, aliases=()) == replace(other, aliases=())


def _capital(version: RegisteredVersion) -> str:
    text = str(version)
    return text[0].upper() + text[1:]
