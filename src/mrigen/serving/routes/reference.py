"""The API described, for people."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from mrigen.serving.openapi import DescribedApp

router = APIRouter(include_in_schema=False)


@router.get("/docs")
def reference(request: Request) -> HTMLResponse:
    """Describe every route, without a script and with nothing from elsewhere."""
    app = request.app
    assert isinstance(app, DescribedApp)
    page = app.reference
    headers = {"Content-Security-Policy": page.policy, "Cache-Control": "no-cache"}
    return HTMLResponse(page.html, headers=headers)
