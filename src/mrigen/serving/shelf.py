"""The models that are served now; another set can take their place at any moment."""

from collections.abc import Sequence

from mrigen.serving.served import ServedModel

_SHOWN = 60  # characters of what was asked for


class NotServed(Exception):  # noqa: N818 - the client's mistake
    """There is no such model, or not in that version; the text says which there are."""


class Shelf:
    """Served models by name and version.

    Work that is under way keeps the model it began with, so a model can be taken away at any
    moment.

    Parameters
    ----------
    models
        The first of a name answers where no version is asked for. No version of a name twice.
    """

    def __init__(self, models: Sequence[ServedModel] = ()) -> None:
        self._models = tuple(models)

    @property
    def models(self) -> tuple[ServedModel, ...]:
        """Every served model."""
        return self._models

    def replace(self, models: Sequence[ServedModel]) -> None:
        """Serve these instead, from now on."""
        self._models = tuple(models)

    def find(self, name: str, version: int | None = None) -> ServedModel:
        """Return a model.

        Parameters
        ----------
        name
            Of the registered model.
        version
            Of it; by default the one that was named first.

        Raises
        ------
        NotServed
            If there is none.
        """
        named = [model for model in self._models if model.name == name]
        for model in named:
            if version in (None, model.version):
                return model
        if named:
            numbers = ", ".join(str(model.version) for model in named)
            raise NotServed(
                f"version {str(version)[:_SHOWN]} of model '{name}' is not served here: there is "
                f"{numbers}."
            )
        known = ", ".join(f"'{one}'" for one in sorted({m.name for m in self._models})) or "none"
        raise NotServed(f"model {name[:_SHOWN]!a} is not served here: there is {known}.")
