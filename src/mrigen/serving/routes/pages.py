"""The page for people: a gallery at `/`, made of files of this package."""

from collections.abc import Mapping
from hashlib import sha256
from importlib.resources import files
from types import MappingProxyType

from fastapi import APIRouter, HTTPException, Request, Response

router = APIRouter()

# Everything comes from this server; pictures are also drawn by the page itself.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

_MEDIA_TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
}


def _read() -> Mapping[str, bytes]:
    # Once, when the server starts: what is asked for by name is looked up here, never in a folder.
    folder = files("mrigen.serving") / "page"
    return MappingProxyType(
        {
            entry.name: entry.read_bytes()
            for entry in folder.iterdir()
            if entry.name.rpartition(".")[2] in _MEDIA_TYPES
        }
    )


PAGE_FILES = _read()


async def page(request: Request) -> Response:
    """Show the gallery."""
    return _file(request, "index.html")


async def page_file(request: Request) -> Response:
    """Return a part of the page."""
    name = request.path_params["name"]
    if name not in PAGE_FILES:
        raise HTTPException(404, "the page has no such part: open / in a browser.")
    return _file(request, name)


# Not operations of the API: a link may carry parameters that the page does not know.
router.add_route("/", page, include_in_schema=False)
router.add_route("/page/{name}", page_file, include_in_schema=False)


def _file(request: Request, name: str) -> Response:
    content = PAGE_FILES[name]
    tag = f'"{sha256(content).hexdigest()[:32]}"'
    # Asked for again each time, and sent again only after an update of the server.
    headers = {
        "Cache-Control": "no-cache",
        "Content-Security-Policy": PAGE_POLICY,
        "ETag": tag,
    }
    known = request.headers.get("If-None-Match", "").split(",")
    if any(one.strip().removeprefix("W/") in (tag, "*") for one in known):
        return Response(status_code=304, headers=headers)
    media_type = _MEDIA_TYPES[name.rpartition(".")[2]]
    return Response(content, media_type=media_type, headers=headers)
