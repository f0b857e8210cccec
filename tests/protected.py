"""A small application behind every protection."""

from fastapi.testclient import TestClient
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from mrigen.serving.protection.access import CLIENT
from mrigen.serving.protection.stack import inner_protection, outer_protection
from mrigen.serving.settings import ServingSettings


def protected(settings=None, *, keys=None, hosts=None, answer=None):
    """Return an application that says who asked for what, or answers with `answer`."""

    async def echo(request):
        body = await request.body()
        return PlainTextResponse(f"{request.scope[CLIENT]} {request.url.path} {len(body)}")

    middleware = [
        *outer_protection(hosts),
        *inner_protection(settings or ServingSettings(), keys),
    ]
    methods = ["GET", "HEAD", "POST", "OPTIONS"]
    routes = [Route("/{path:path}", answer or echo, methods=methods)]
    return Starlette(routes=routes, middleware=middleware)


def asking(app, *, address="192.0.2.1"):
    """Return a client of an application."""
    return TestClient(app, client=(address, 50000))
