"""Templates to whole pages; the style, and what pages have in common, lie beside this file."""

from base64 import b64encode
from dataclasses import dataclass

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined


@dataclass(frozen=True)
class Picture:
    """A PNG with a heading, and words for those who cannot see it."""

    title: str
    description: str
    png: bytes

    @property
    def source(self) -> str:
        """The picture as a data address."""
        return f"data:image/png;base64,{b64encode(self.png).decode()}"


def render_page(package: str, template: str, **values: object) -> str:
    """Fill a template; text is escaped, and a name that the template lacks is an error.

    Parameters
    ----------
    package
        Where the template lies, such as "mrigen.evaluation".
    template
        Its file name. It extends `base.html.j2` of this package.
    **values
        What the template speaks of.
    """
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package, ""), PackageLoader("mrigen.page", "")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template).render(values)
