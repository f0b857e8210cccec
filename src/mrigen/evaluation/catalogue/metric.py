"""One number of an evaluation, and how to read it."""

from dataclasses import dataclass
from typing import Literal

Task = Literal[
    "restoration",
    "generation",
    "copying",
    "anomaly",
    "usefulness",
    "latent",
    "conditions",
    "stacks",
    "brain_masks",
]


@dataclass(frozen=True)
class Metric:
    """One number of `metrics.json` and how to read it.

    Attributes
    ----------
    name
        Its key in `metrics.json`, MLflow and `comparison.csv`.
    label
        A short name for people.
    meaning
        One plain sentence.
    better
        Which direction is better; None for numbers that are no judgement.
    task
        What it judges.
    digits
        Places after the point; None keeps three significant digits of any size.
    unit
        Stands after the value.
    """

    name: str
    label: str
    meaning: str
    better: Literal["higher", "lower"] | None
    task: Task
    digits: int | None = None
    unit: str = ""

    @property
    def baseline(self) -> str:
        """Key of what doing nothing scores, present for damaged inputs only."""
        return f"input_{self.name}"

    @property
    def spread(self) -> str:
        """Key of the standard deviation over slices."""
        return f"{self.name}_sd"

    @property
    def low(self) -> str:
        """Key of the lower end of the interval over subjects."""
        return f"{self.name}_low"

    @property
    def high(self) -> str:
        """Key of the upper end of the interval over subjects."""
        return f"{self.name}_high"

    @property
    def keys(self) -> tuple[str, ...]:
        """Every key that belongs to this number."""
        if self.better is None:
            return (self.name,)
        own: tuple[str, ...] = (self.name, self.low, self.high)
        if self.task == "restoration":
            own += (self.spread, self.baseline, f"{self.baseline}_sd")
        return own


def format_value(value: float, *, digits: int | None = None, unit: str = "") -> str:
    """Write a number for people, with `digits` places or three significant digits.

    Examples
    --------
    >>> format_value(27.31234, digits=2, unit="dB"), format_value(0.00123456)
    ('27.31 dB', '0.00123')
    """
    text = f"{value:.3g}" if digits is None else f"{value:,.{digits}f}"
    return f"{text} {unit}".rstrip()
