"""A running server: alive, ready, of this version, and not open to strangers."""

import ipaddress
import socket
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from mrigen import __version__
from mrigen.client.connection import Connection
from mrigen.client.exchange import Answer
from mrigen.client.exchange import Question as Request
from mrigen.errors import ClientError
from mrigen.stages.doctor.finding import Finding, Question, fault, note, ok

_CLOCK_SECONDS = 5.0


def check_server(asked: Question) -> Iterator[Finding]:
    """Ask a server as a stranger would, and then with the key."""
    address = str(asked.server)
    with closing(Connection(address, None, patience_s=0)) as stranger:
        health = stranger.ask_json("/health")  # whatever is wrong here is told as it is
        yield _version(stranger.address, health)
        yield from _clock(stranger)
        yield _readiness(stranger)
        is_open = _answers(stranger, "/v1/models")
    if is_open:
        yield _openness(address)
    with closing(Connection(address, asked.api_key, patience_s=0)) as client:
        yield _models(client, with_key=asked.api_key is not None)


def _version(address: str, health: object) -> Finding:
    theirs = health.get("version") if isinstance(health, dict) else None
    if not isinstance(theirs, str):
        return fault("server", f"{address} is no server of mrigen", "correct the address")
    if theirs != __version__:
        found = f"{address} has mrigen {theirs}, and here is {__version__}"
        return note("server", found, "install the same on both sides")
    return ok("server", f"{address} is alive, mrigen {theirs}")


def _clock(client: Connection) -> Iterator[Finding]:
    def read(answer: Answer) -> float:
        return parsedate_to_datetime(answer.header("Date")).timestamp() - time.time()

    try:
        ahead = client.ask(Request("/health"), read)
    except (ClientError, ValueError):
        return  # it does not say
    if abs(ahead) > _CLOCK_SECONDS:
        yield note(
            "server",
            f"its clock is {abs(ahead):.0f} s {'ahead' if ahead > 0 else 'behind'}",
            "set both by NTP, or their logs cannot be compared",
        )


def _readiness(client: Connection) -> Finding:
    try:
        ready = client.ask_json("/ready")
    except ClientError as error:
        if error.status == 503:
            return fault("server", "it is not ready", "wait until it has started; read its log")
        return fault("server", error)
    count = ready.get("models") if isinstance(ready, dict) else "?"
    return ok("server", f"it is ready, with {count} models")


def _models(client: Connection, *, with_key: bool) -> Finding:
    try:
        listed = client.ask_json("/v1/models")["models"]
        names = [f"{one['name']}/{one['version']} on {one['device']}" for one in listed]
    except (LookupError, TypeError):
        return fault("server", "its list of models is not one that this version knows")
    except ClientError as error:
        if error.status != 401:
            return fault("server", error)
        if with_key:
            return fault("server", "it does not know the key", "ask for one, or correct it")
        return note(
            "server", "it asks for a key", "set MRIGEN_API_KEY or name one with --api-key-file"
        )
    return ok("server", f"it serves {', '.join(names) or 'nothing'}")


def _openness(address: str) -> Finding:
    parts = urlsplit(address)
    if not _is_loopback(str(parts.hostname)):
        return _open(address)
    for other in sorted(_own_addresses()):
        host = f"[{other}]" if ":" in other else other
        beside = f"{parts.scheme}://{host}:{parts.port or 80}"
        with closing(Connection(beside, None, patience_s=0)) as stranger:
            if _answers(stranger, "/v1/models"):
                return _open(beside)
    return ok("server", "it asks for no key, and is reached from this machine alone")


def _open(address: str) -> Finding:
    return fault(
        "server",
        f"everyone who reaches {address} can ask for samples: it asks for no key",
        "start it with --api-keys FILE, or on --host 127.0.0.1",
    )


def _answers(client: Connection, path: str) -> bool:
    try:
        client.ask_json(path)
    except ClientError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(host, None)}
        return all(ipaddress.ip_address(one.partition("%")[0]).is_loopback for one in found)
    except (OSError, ValueError):
        return False


def _own_addresses() -> set[str]:
    """Return the addresses of this machine that others could reach."""
    found = set()
    # Nothing is sent: it chooses the interface towards an address for documentation.
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        found.add(str(probe.getsockname()[0]))
    with suppress(OSError):
        found |= {str(entry[4][0]) for entry in socket.getaddrinfo(socket.gethostname(), None)}
    return {one for one in found if not ipaddress.ip_address(one.partition("%")[0]).is_loopback}
