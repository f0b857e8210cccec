"""The description of the API as one server has it."""

from functools import cached_property
from typing import Any

from fastapi import FastAPI

from mrigen.serving.keys import Keys
from mrigen.serving.protection.access import is_open
from mrigen.serving.reference.document import Reference, render_reference
from mrigen.serving.schemas import SampleRequest
from mrigen.serving.settings import ServingSettings

_SCHEME = "key"
_TAGS = [
    {"name": "models", "description": "What is served, and what it can do."},
    {"name": "images", "description": "New images, and answers to images that are sent."},
    {"name": "server", "description": "How the server does."},
]
_TEXT = (
    'Errors are JSON, {"detail": one sentence}. Unknown fields and query parameters are refused.'
)


class DescribedApp(FastAPI):
    """An application whose description knows the limits and keys of its server.

    Parameters
    ----------
    settings
        Limits.
    keys
        What clients have to show, if anything.
    **options
        As FastAPI has them.
    """

    def __init__(self, settings: ServingSettings, keys: Keys | None, **options: Any) -> None:
        # The interactive pages of FastAPI load scripts from elsewhere.
        super().__init__(
            description=_TEXT, openapi_tags=_TAGS, docs_url=None, redoc_url=None, **options
        )
        self._settings, self._keys = settings, keys

    def openapi(self) -> dict[str, Any]:
        """Return the description; it is made once."""
        if self.openapi_schema is None:
            described = super().openapi()
            parts = described["components"]
            parts["securitySchemes"] = {_SCHEME: {"type": "http", "scheme": "bearer"}}
            # FastAPI makes floats of limits, and the last seed is none.
            request = SampleRequest.model_json_schema()
            request["properties"]["count"]["maximum"] = self._settings.max_count
            parts["schemas"]["SampleRequest"] = request
            # Without keys one may be sent, and is not looked at.
            needed: list[dict[str, list[str]]] = [{_SCHEME: []}]
            security = needed if self._keys is not None else [{}, *needed]
            for path, operations in described["paths"].items():
                for operation in operations.values():
                    if not is_open(path):
                        operation["security"] = security
        assert self.openapi_schema is not None
        return self.openapi_schema

    @cached_property
    def reference(self) -> Reference:
        """The description as a page; it is made once."""
        return render_reference(self.openapi(), key=self._keys is not None)
