"""Serve registered models over HTTP."""

import ipaddress
import logging
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from mrigen.errors import ConfigError
from mrigen.serving.app import create_app
from mrigen.serving.keys import Keys, find_keys
from mrigen.serving.protection.hosts import host_names
from mrigen.serving.settings import ServingSettings
from mrigen.stages.serving.following import Follower
from mrigen.stages.serving.interpreter import settle
from mrigen.stages.serving.listening import DrainingServer, bind
from mrigen.stages.serving.memory import keep_freed_memory
from mrigen.stages.serving.stopping import stop_signals
from mrigen.tracking.tracker import connect

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Service:
    """What is served to whom, and where.

    Attributes
    ----------
    models
        Registered models as NAME@ALIAS, NAME/VERSION or NAME; all champions by default.
    host, port
        Where to listen; port 0 takes a free one.
    device
        A torch device. Bytes are promised to be the same on the same kind of device only.
    watch_seconds
        Between two looks at what the aliases stand for; 0 never looks again.
    drain_seconds
        That requests under way have to finish when the server is told to stop.
    api_keys
        A file of keys; else the key of MRIGEN_API_KEY.
    without_keys
        Whether everybody may ask where other computers can reach the server.
    allowed_hosts
        Names of the server, besides the one it listens on.
    forwarded_allow_ips
        Proxies whose word on a client's address counts.
    settings
        Limits.
    """

    models: Sequence[str] = ()
    host: str = "127.0.0.1"
    port: int = 8000
    device: str = "cpu"
    watch_seconds: float = 10
    drain_seconds: float = 30
    api_keys: Path | None = None
    without_keys: bool = False
    allowed_hosts: Sequence[str] = ()
    forwarded_allow_ips: str | None = None
    settings: ServingSettings = field(default_factory=ServingSettings)


def serve(root: Path, service: Service) -> None:
    """Answer requests until SIGTERM or Ctrl-C; requests under way are finished.

    Parameters
    ----------
    root
        The project folder, or any folder if MLFLOW_TRACKING_URI names the store.
    service
        What is served.

    Raises
    ------
    ConfigError
        If the address cannot be listened on, keys cannot be read, or others could ask without.
    ModelError
        If a bundle does not fit this version of mrigen.
    RegistryError
        If a model is not registered or not as it was registered, or there is no champion.
    TrackingError
        If the MLflow store cannot be read.
    """
    with stop_signals() as signals, bind(service.host, service.port) as listener:
        keys = find_keys(service.api_keys, os.environ)
        _check_reach(service, keys, listener)
        follower = Follower(
            connect(root, write=False), service.models, service.device, service.watch_seconds
        )
        follower.load_first()
        app = create_app(
            follower.shelf,
            service.settings,
            keys=keys,
            hosts=host_names(service.host, service.allowed_hosts, keys=keys),
            attend=follower.attend,
        )
        server = DrainingServer(
            app,
            app.state.server,
            drain_seconds=service.drain_seconds,
            forwarded_allow_ips=service.forwarded_allow_ips,
        )
        signals.stop = server.stop
        # Lanes are what computes at the same time. Threads of torch beside them, which it starts
        # for pictures of a few images already, would only get in their way.
        torch.set_num_threads(1)
        keep_freed_memory(service.settings.lanes)
        settle()
        listener.listen()  # who comes from now on waits for the server to start
        _tell(follower, listener, keys)
        server.run(sockets=[listener])
        if follower.failure is not None:
            raise follower.failure
    _log.info("The server has stopped.")


def _check_reach(service: Service, keys: Keys | None, listener: socket.socket) -> None:
    host = listener.getsockname()[0]
    if keys is None and not service.without_keys and not ipaddress.ip_address(host).is_loopback:
        raise ConfigError(
            f"anyone who reaches {host} could use this server, as it has no keys: give it some "
            "with --api-keys FILE or MRIGEN_API_KEY, or say --without-keys."
        )
    if keys is not None and service.without_keys:
        raise ConfigError(
            "--without-keys contradicts the keys of --api-keys or MRIGEN_API_KEY: leave one out."
        )


def _tell(follower: Follower, listener: socket.socket, keys: Keys | None) -> None:
    for model in follower.shelf.models:
        aliases = ", ".join(model.aliases) or "no alias"
        _log.info("'%s' version %d (%s; %s)", model.name, model.version, aliases, model.digest[:12])
    host, port = listener.getsockname()[:2]
    address = f"[{host}]" if ":" in host else host
    reached = ipaddress.ip_address(host)
    if reached.is_unspecified:
        address = "127.0.0.1" if reached.version == 4 else "[::1]"
    _log.info("Listening on http://%s:%d", address, port)
    if keys is not None:
        _log.info("Keys: %s.", ", ".join(keys.names))
    elif not reached.is_loopback:
        _log.warning("Anyone who reaches port %d can use this server: there are no keys.", port)
