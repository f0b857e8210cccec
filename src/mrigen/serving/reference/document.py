"""The description of an API as a page."""

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Any

from mrigen.page.document import render_page
from mrigen.serving.reference.examples import curl, python
from mrigen.serving.reference.operations import operations

_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)


@dataclass(frozen=True)
class Reference:
    """A page, and the policy under which a browser may show it: nothing but its own style."""

    html: str
    policy: str


def render_reference(described: Mapping[str, Any], *, key: bool) -> Reference:
    """Make a page of an OpenAPI description.

    Parameters
    ----------
    described
        The description.
    key
        Whether the server wants a key.
    """
    about = described["info"]
    html = render_page(
        "mrigen.serving.reference",
        "reference.html.j2",
        title=about["title"],
        version=about["version"],
        summary=about["summary"],
        description=about["description"],
        key=key,
        operations=operations(described),
        curl=partial(curl, key=key),
        python=partial(python, key=key),
    )
    styles = (b64encode(sha256(one.encode()).digest()).decode() for one in _STYLE.findall(html))
    allowed = " ".join(f"'sha256-{one}'" for one in styles)
    policy = (
        f"default-src 'none'; style-src {allowed}; img-src data:; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    )
    return Reference(html, policy)
