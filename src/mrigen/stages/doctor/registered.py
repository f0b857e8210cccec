"""Registered models: whether they would be served, how fast, and what wrote them."""

import time
from collections.abc import Iterator
from importlib import metadata
from typing import TYPE_CHECKING

from mrigen.errors import MrigenError, TrackingError
from mrigen.stages.doctor.finding import Finding, Question, fault, note, ok
from mrigen.stages.doctor.store import present_store

if TYPE_CHECKING:
    from mrigen.registry.lookup import RegisteredVersion
    from mrigen.registry.versions import RegisteredBundle
    from mrigen.serving.served import ServedModel
    from mrigen.tracking.tracker import Tracker

_COMPARED = ("mrigen", "torch")


def check_registry(asked: Question) -> Iterator[Finding]:
    """Load every champion and candidate, and draw with it."""
    from mrigen.registry.lookup import CANDIDATE, CHAMPION, aliased_versions
    from mrigen.tracking.tracker import connect

    if present_store(asked) is None:
        return
    try:
        tracker = connect(asked.root, write=False)
    except TrackingError:
        return  # the check of the store has told it
    versions = aliased_versions(tracker, (CHAMPION, CANDIDATE))
    if not versions:
        yield note("registry", "no model is registered", "mrigen register MODEL")
    for version in versions:
        yield from _version(tracker, version)
    names = {version.name for version in versions}
    led = {version.name for version in versions if CHAMPION in version.aliases}
    for name in sorted(names - led):
        yield note(
            "registry",
            f"'{name}' has no champion, so that it is not served",
            f"mrigen register {name} --promote, or serve --model {name}@candidate",
        )


def _version(tracker: "Tracker", version: "RegisteredVersion") -> Iterator[Finding]:
    from mrigen.models.condition_values import described
    from mrigen.registry.versions import fetch
    from mrigen.stages.serving.loading import served

    words = f"{version.name}/{version.version} ({', '.join(version.aliases)})"
    if version.digest is None:
        yield note("registry", f"{words} was registered by another tool, and is not served")
        return
    try:
        bundle = fetch(tracker, version)
        model = served(bundle)
        seconds = _chunk_seconds(model)
        quick_seconds = _chunk_seconds(model, quick=True) if model.quick else None
    except MrigenError as error:
        yield fault("registry", f"{words}: {error}")
        return
    took = f"a chunk takes {1e3 * seconds:.0f} ms on one core"
    if quick_seconds is not None:
        took += f", {1e3 * quick_seconds:.0f} ms in the quick mode"
    asked = "; ".join(map(described, model.conditions))
    yield ok("registry", f"{words} loads; {took}" + (f"; it takes {asked}" if asked else ""))
    skew = _skew(bundle)
    if skew:
        yield note(
            "registry",
            f"{words} was registered with {skew}",
            "its images may differ in the last bits from those of then",
        )


def _chunk_seconds(model: "ServedModel", *, quick: bool = False) -> float:
    import torch

    from mrigen.models.interfaces import Sampler
    from mrigen.models.sampling import CHUNK, draw_chunk, reconstruct_chunk, single_threaded

    blank = torch.zeros(CHUNK, 1, model.image_size, model.image_size)
    with single_threaded():  # as a lane of the server computes
        for _ in range(2):  # the first chunk is slower than all that follow
            start = time.perf_counter()
            if isinstance(model.network, Sampler):
                images = draw_chunk(model.network, range(CHUNK), [{}] * CHUNK, quick=quick)
            else:  # what is registered can do one of the two
                images = reconstruct_chunk(model.network, blank)  # type: ignore[arg-type]
            seconds = time.perf_counter() - start
    if not images.isfinite().all():
        raise MrigenError("its images are not numbers: train and register it anew.")
    return seconds


def _skew(bundle: "RegisteredBundle") -> str:
    """Tell versions that are not those here."""
    recorded = bundle.path.parents[1] / "requirements.txt"
    lines = recorded.read_text(encoding="utf-8").split() if recorded.is_file() else []
    then = dict(line.split("==", 1) for line in lines if "==" in line)
    told = [
        f"{name} {then[name]} (here is {metadata.version(name)})"
        for name in _COMPARED
        if name in then and then[name] != metadata.version(name)
    ]
    return " and ".join(told)
