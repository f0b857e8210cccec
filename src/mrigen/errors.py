"""What can go wrong for a user, as sentences they can act on."""

_SHOWN = 60  # characters of a refused value


class MrigenError(Exception):
    """A mistake in what mrigen was given: one sentence of what, the value, and what to do.

    The command line prints the sentence and exits with code 2. Anything that is neither a
    `MrigenError` nor a fault of the disk is a defect of mrigen and keeps its traceback.
    """


class ConfigError(MrigenError):
    """A value in `params.yaml` or on the command line cannot be used."""


class DataError(MrigenError):
    """A volume, a table, a slice store or a manifest cannot be used."""


class ModelError(MrigenError):
    """A network, an objective, a checkpoint or a bundle cannot do what was asked."""


class TrackingError(MrigenError):
    """The MLflow store cannot be reached or refuses what was asked."""


class TuningError(MrigenError):
    """A study or its storage cannot be used."""


class ConnectionLostError(TuningError):
    """The connection to a study's storage was lost, and with it the lock; begin the block again."""


class RegistryError(MrigenError):
    """A registered model is missing, unsuitable or has not passed its gate."""


class ClientError(MrigenError):
    """A server cannot be reached, refuses what was asked, or answers what cannot be used.

    Attributes
    ----------
    status
        Of the server's answer; None if there was none, or if it was no refusal.
    """

    def __init__(self, sentence: str, status: int | None = None) -> None:
        super().__init__(sentence)
        self.status = status


def printable(text: str) -> str:
    r"""Escape what cannot be printed or written as UTF-8: names come from disks and downloads.

    Examples
    --------
    >>> printable("Zoë\x1b[2J")
    'Zoë\\x1b[2J'
    """
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )


def shown(value: object) -> str:
    """Return a value as text that is safe to repeat: quoted, escaped and short.

    Examples
    --------
    >>> shown(("vae", 3))
    "('vae', 3)"
    """
    text = ascii(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
