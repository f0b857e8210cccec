"""The order in which protections stand before the routes."""

from starlette.middleware import Middleware

from mrigen.serving.keys import Keys
from mrigen.serving.protection.access import KeyCheck
from mrigen.serving.protection.bodies import BodyLimit
from mrigen.serving.protection.headers import SecurityHeaders
from mrigen.serving.protection.hosts import HostCheck, SiteCheck
from mrigen.serving.protection.rates import RateLimit
from mrigen.serving.settings import ServingSettings


def outer_protection(hosts: frozenset[str] | None) -> list[Middleware]:
    """Return what comes first: headers for every answer, and what browsers could be led to do."""
    return [Middleware(SecurityHeaders), Middleware(HostCheck, names=hosts), Middleware(SiteCheck)]


def inner_protection(settings: ServingSettings, keys: Keys | None) -> list[Middleware]:
    """Return what comes last: who asks, how often, and how much."""
    return [
        Middleware(KeyCheck, keys=keys),
        Middleware(RateLimit, per_minute=settings.requests_per_minute),
        Middleware(BodyLimit, upload_bytes=settings.max_upload_bytes),
    ]
