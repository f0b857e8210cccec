"""What a server has done, counted for Prometheus.

No label holds what a client chose: routes are told by their template, and models are served ones.
"""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mrigen.serving.schemas import Task
from mrigen.serving.served import ServedModel

if TYPE_CHECKING:
    from mrigen.serving.state import ServerState

_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
# The engine's counts by their names.
_NOW = {
    "jobs": "Pieces of work that are computed or wait.",
    "waiting_images": "Images that no lane has begun.",
    "held_bytes": "Bytes of images that were sent and wait to be answered.",
}
_SINCE_START = {
    "chunks": "Chunks that were computed.",
    "rows": "Images in computed chunks.",
    "padded_rows": "Places in computed chunks that stayed empty.",
    "computing_seconds": "Seconds of all lanes.",
    "failed_chunks": "Chunks that a network failed at.",
    "refused_jobs": "Pieces of work that found no place.",
    "dropped_jobs": "Pieces of work whose client left.",
}
_GONE = "499"  # no answer, as the client left before one; nginx counts it so


class Metrics:
    """The counters of one server.

    Attributes
    ----------
    registry
        Holds all of them.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "mrigen_requests",
            "Requests that were answered.",
            ("route", "method", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "mrigen_request_seconds",
            "Seconds from a request's head to the last byte of its answer.",
            ("route", "method"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.under_way = Gauge(
            "mrigen_requests_under_way", "Requests being answered.", registry=self.registry
        )
        self._images = Counter(
            "mrigen_images",
            "Images that were computed and encoded.",
            ("model", "version", "task"),
            registry=self.registry,
        )
        ProcessCollector(registry=self.registry)

    def watch(self, state: "ServerState") -> None:
        """Look at a server's models and engine, too, when the numbers are asked for."""
        self.registry.register(_Server(state))

    def count_images(
        self, model: ServedModel, task: Task, count: int, *, quick: bool = False
    ) -> None:
        """Count images of an answer; those of a quick mode by themselves."""
        told = f"quick {task}" if quick else task
        self._images.labels(model.name, str(model.version), told).inc(count)


class _Server:
    """Looks at the models and the engine when it is asked."""

    def __init__(self, state: "ServerState") -> None:
        self._state = state

    def collect(self) -> Iterator[Metric]:
        """Give the numbers of now."""
        state = self._state
        models = GaugeMetricFamily(
            "mrigen_model_info",
            "Served models.",
            labels=("model", "version", "digest", "device", "aliases"),
        )
        for model in state.shelf.models:
            aliases = ",".join(sorted(model.aliases))
            labels = (model.name, str(model.version), model.digest, model.device, aliases)
            models.add_metric(labels, 1)
        yield models
        ready = state.ready and not state.draining
        yield GaugeMetricFamily("mrigen_ready", "Whether requests are answered.", value=ready)
        refused = len(state.refused)
        yield GaugeMetricFamily("mrigen_refused_versions", "Kept out of service.", value=refused)
        counts = state.batcher.counts
        for name, words in _NOW.items():
            yield GaugeMetricFamily(f"mrigen_{name}", words, value=getattr(counts, name))
        for name, words in _SINCE_START.items():
            yield CounterMetricFamily(f"mrigen_{name}", words, value=getattr(counts, name))


class Measured:
    """Count requests and the time they take.

    Parameters
    ----------
    app
        What is measured.
    metrics
        Where.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and look at its answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = _GONE

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        started = time.perf_counter()
        self._metrics.under_way.inc()
        try:
            await self.app(scope, receive, watch)
        except Exception:
            if status == _GONE:
                status = "500"  # which is sent outside of this
            raise
        finally:
            self._metrics.under_way.dec()
            # Who is refused before a route is looked for has none.
            route = getattr(scope.get("route"), "path", "none")
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._metrics.requests.labels(route, method, status).inc()
            self._metrics.seconds.labels(route, method).observe(time.perf_counter() - started)
