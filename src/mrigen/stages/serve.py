"""Serve registered models over HTTP."""

import contextlib
import ipaddress
import logging
import signal
import socket
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from mrigen.errors import ConfigError, RegistryError
from mrigen.project import Project
from mrigen.registry.versions import RegisteredBundle, champions, resolve
from mrigen.serving.served import ServedModel
from mrigen.tracking.tracker import Tracker, connect

if TYPE_CHECKING:
    import uvicorn

GRACE_SECONDS = 10
KEEP_ALIVE_SECONDS = 5
# Far more than may wait for samples, far fewer than the open files of a process.
MAX_CONNECTIONS = 256

_log = logging.getLogger(__name__)


def serve(
    project: Project,
    models: Sequence[str] = (),
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    device: str = "cpu",
) -> None:
    """Answer requests for samples until SIGTERM or Ctrl-C; requests under way are finished.

    Parameters
    ----------
    project
        The project folder.
    models
        Registered models as NAME@ALIAS, NAME/VERSION or NAME; all champions by default.
    host
        Address to listen on.
    port
        Port to listen on; 0 takes a free one.
    device
        A torch device. Bytes are promised to be the same on the same kind of device only.

    Raises
    ------
    ConfigError
        If the address cannot be listened on.
    ModelError
        If a bundle does not fit this version of mrigen.
    RegistryError
        If a model is not registered, asked for twice, or there is no champion.
    TrackingError
        If the MLflow store cannot be read.
    """
    import uvicorn

    from mrigen.serving.app import create_app

    chosen = _choose(connect(project.root, write=False), models)
    with _bind(host, port) as listener:
        app = create_app([served(bundle, device) for bundle in chosen])
        config = uvicorn.Config(
            app,
            log_config=None,
            server_header=False,
            limit_concurrency=MAX_CONNECTIONS,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        listener.listen()  # who comes from now on waits for the server to start
        _tell(chosen, listener)
        server = uvicorn.Server(config)
        with _stop_once(server):
            server.run(sockets=[listener])
    _log.info("The server has stopped.")


def served(bundle: RegisteredBundle, device: str = "cpu") -> ServedModel:
    """Load a registered bundle under its name in the registry.

    Raises
    ------
    ModelError
        If the bundle does not fit this version of mrigen.
    """
    loaded = bundle.load(device)
    return ServedModel(
        name=bundle.name,
        version=bundle.version,
        aliases=bundle.aliases,
        digest=bundle.digest,
        image_size=loaded.config.image_size,
        network=loaded.model,
        card=loaded.card,
    )


def _choose(tracker: Tracker, models: Sequence[str]) -> list[RegisteredBundle]:
    chosen = [resolve(tracker, model) for model in models] if models else champions(tracker)
    if not chosen:
        raise RegistryError(
            f"no champion is registered in {tracker.address}: run 'mrigen register MODEL', or "
            "serve a candidate with --model NAME@candidate."
        )
    names = [bundle.name for bundle in chosen]
    for name in names:
        if names.count(name) > 1:
            raise RegistryError(
                f"model '{name}' was asked for {names.count(name)} times: a server has one "
                "version of a model. Leave the others out or start a second server."
            )
    return chosen


def _bind(host: str, port: int) -> socket.socket:
    # Before anything is loaded, so that a port in use is a sentence and told at once.
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE
        )[0]
        # asyncio sends small answers at once only on sockets that name their protocol; without
        # it every answer waits 40 ms for an acknowledgement.
        with contextlib.ExitStack() as on_failure:
            listener = on_failure.enter_context(socket.socket(family, kind, protocol))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            on_failure.pop_all()
        return listener
    except (OSError, OverflowError, UnicodeError) as error:  # a name such as "a..b" is the last
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(
            f"cannot listen on {host}:{port} ({reason}): choose another --host or --port."
        ) from None


def _tell(chosen: Sequence[RegisteredBundle], listener: socket.socket) -> None:
    for bundle in chosen:
        _log.info("'%s' version %d (%s)", bundle.name, bundle.version, bundle.digest[:12])
    host, port = listener.getsockname()[:2]
    address = f"[{host}]" if ":" in host else host
    _log.info("Listening on http://%s:%d", address, port)
    if not ipaddress.ip_address(host).is_loopback:
        _log.warning("Anyone who reaches %s:%d can ask for samples: there are no keys.", host, port)


@contextlib.contextmanager
def _stop_once(server: "uvicorn.Server") -> Iterator[None]:
    """Let the orderly stop be the server's whole answer to a signal."""

    # The server hands a signal on when it has stopped; by default that would end the process
    # as if it had been killed.
    def stop(*_: object) -> None:
        if not server.should_exit:
            raise SystemExit(0)  # it came before the server was there to hear it

    kinds = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(kind, stop) for kind in kinds]
    try:
        yield
    finally:
        for kind, handler in zip(kinds, before, strict=True):
            signal.signal(kind, handler)
