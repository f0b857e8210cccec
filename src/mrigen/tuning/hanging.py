"""What a process says that waited too long for others at a study's storage."""

from mrigen.errors import TuningError


def locked_too_long(address: str, seconds: float) -> TuningError:
    """Return the error of who has waited so many seconds for a lock."""
    return TuningError(
        f"the study storage {address} was locked by another process for {seconds:.0f} seconds: "
        "end the 'mrigen tune' that hangs."
    )
