"""Whether a trial is better than the baseline: both trained anew with seeds that no study saw."""

import json
import math
import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import Field

from mrigen.atomic import write_text
from mrigen.config import Config
from mrigen.metrics.intervals import LEVEL, Interval
from mrigen.tuning.config import Value
from mrigen.tuning.wording import spoken_parameters, spoken_score

#: The file's name in the folder of a tuned model.
CONFIRMATION = "confirmation.json"

#: Pairs below this number have no interval.
MIN_PAIRS = 2

# Of the file, for people; a reader computes it from the trainings.
_RESULT = "result"

_MOST_BYTES = 2**24

Side = Literal["baseline", "tuned"]


class Training(Config):
    """One training with a fresh seed, and what came out of it."""

    side: Side
    seed: int = Field(
        description="of the training, and of the images and the damage it is scored on"
    )
    scores: dict[str, float] = Field({}, description="by name; empty if it failed")
    seconds: float | None = Field(None, description="of training")
    reason: str | None = Field(None, description="why it failed")
    identity: str = Field("", description="of all that it depends on but the seed")


class Confirmation(Config):
    """Trainings of a trial's parameters and of the baseline's, in pairs of one fresh seed each.

    The best of many trials was chosen by a score with noise in it, so that its score looks better
    than it is. Seeds that took no part in the choice tell what remains.
    """

    model: str
    study: str
    trial: int
    score: str = Field(description="that the study was judged by")
    baseline: dict[str, Value] | None = Field(
        description="its searched parameters; null if those of params.yaml lie outside the space"
    )
    tuned: dict[str, Value] = Field(description="the trial's")
    baseline_in_study: float | None = Field(description="its score there, if it was complete")
    tuned_in_study: float
    seeds: tuple[int, ...] = Field(description="one for each pair")
    trainings: tuple[Training, ...] = ()

    @property
    def pairs(self) -> tuple[tuple[float, float], ...]:
        """Scores of the baseline and of the trial, for each seed with which neither failed."""
        found = {(each.seed, each.side): each.scores.get(self.score) for each in self.trainings}
        both = [(found.get((seed, "baseline")), found.get((seed, "tuned"))) for seed in self.seeds]
        return tuple((one, other) for one, other in both if one is not None and other is not None)

    @property
    def gain(self) -> Interval | None:
        """How much less the trial scores than the baseline on average; None without a pair.

        The interval is that of the mean of paired differences by Student's t, over seeds and for
        these validation subjects; it has no ends for fewer than `MIN_PAIRS`.
        """
        differences = [baseline - tuned for baseline, tuned in self.pairs]
        return _mean_over_seeds(differences) if differences else None

    @property
    def wins(self) -> int:
        """Pairs in which the trial scores less than the baseline."""
        return sum(tuned < baseline for baseline, tuned in self.pairs)

    @property
    def failed(self) -> tuple[Training, ...]:
        """Trainings that have no score."""
        return tuple(each for each in self.trainings if self.score not in each.scores)

    @property
    def left(self) -> int:
        """Trainings that have not ended yet."""
        return 2 * len(self.seeds) - len(self.trainings)

    @property
    def confirmed(self) -> bool:
        """Whether all trainings have ended well and the interval of the gain lies above zero."""
        gain = self.gain
        whole = not self.left and not self.failed
        return whole and gain is not None and gain.low is not None and gain.low > 0

    def sentences(self) -> list[str]:
        """Say in whole sentences what was found."""
        told = [self._means(), self._verdict(), self._in_study(), *map(self._failure, self.failed)]
        if self.left:
            told.append(
                f"{self.left} of {2 * len(self.seeds)} trainings have not ended: the same command "
                "goes on with them."
            )
        told.append(
            "All of it is measured on the validation subjects that the trial was chosen on: how "
            f"good it is on others, 'mrigen evaluate {self.model}' tells after promotion and "
            "training."
        )
        return [sentence for sentence in told if sentence]

    def _means(self) -> str:
        pairs = self.pairs
        if not pairs:
            return f"No fresh seed has trained both the baseline and trial {self.trial}."
        baseline, tuned = (statistics.fmean(scores) for scores in zip(*pairs, strict=True))
        seeds = "1 fresh seed" if len(pairs) == 1 else f"{len(pairs)} fresh seeds"
        return (
            f"With {seeds}, trial {self.trial} ({spoken_parameters(self.tuned)}) has a mean "
            f"{self.score} of {spoken_score(tuned)}, the baseline {spoken_score(baseline)}; the "
            f"trial's is smaller with {self.wins} of {len(pairs)}."
        )

    def _verdict(self) -> str:
        gain = self.gain
        if gain is None or gain.low is None or gain.high is None:
            return f"Nothing is confirmed: there is no interval without {MIN_PAIRS} pairs."
        found = (
            f"The gain of {spoken_score(gain.value)} has a {100 * LEVEL:.0f} % interval over seeds "
            f"from {spoken_score(gain.low)} to {spoken_score(gain.high)}"
        )
        if self.confirmed:
            return f"{found}: it is confirmed."
        if gain.low > 0:
            return f"{found}, but not every training has ended well: it is not confirmed."
        if gain.high < 0:
            return f"{found}: the baseline is better."
        return (
            f"{found}, with zero in it: it is not confirmed. More seeds make the interval narrower."
        )

    def _in_study(self) -> str:
        if self.baseline_in_study is None:
            return ""
        return (
            f"In the study it was {spoken_score(self.tuned_in_study)} against "
            f"{spoken_score(self.baseline_in_study)}, a gain of "
            f"{spoken_score(self.baseline_in_study - self.tuned_in_study)}."
        )

    def _failure(self, training: Training) -> str:
        whose = "the baseline" if training.side == "baseline" else f"trial {self.trial}"
        return f"With seed {training.seed}, {whose} failed: {training.reason}."


def write_confirmation(folder: Path, confirmation: Confirmation) -> Path:
    """Write `confirmation.json` into the folder of a tuned model, and return its path."""
    gain = confirmation.gain
    result = {
        "gain": gain._asdict() if gain is not None else None,
        "wins": confirmation.wins,
        "pairs": len(confirmation.pairs),
        "confirmed": confirmation.confirmed,
        "sentences": confirmation.sentences(),
    }
    path = folder / CONFIRMATION
    content = confirmation.model_dump(mode="json") | {_RESULT: result}
    write_text(path, json.dumps(content, indent=2) + "\n")
    return path


def read_confirmation(folder: Path) -> Confirmation | None:
    """Read what `write_confirmation` wrote; None if it is not there or damaged.

    It can be made again, and nothing but a page depends on it.
    """
    try:
        with (folder / CONFIRMATION).open("rb") as file:
            content = json.loads(file.read(_MOST_BYTES))
        given = {name: value for name, value in content.items() if name != _RESULT}
        return Confirmation.model_validate(given)
    except (OSError, ValueError, AttributeError, RecursionError):
        return None


def _mean_over_seeds(differences: Iterable[float]) -> Interval:
    # Slow to import, and needed by few commands.
    from scipy import stats

    values = list(differences)
    mean = statistics.fmean(values)
    if len(values) < MIN_PAIRS:
        return Interval(mean)
    error = statistics.stdev(values) / math.sqrt(len(values))
    reach = float(stats.t.ppf((1 + LEVEL) / 2, len(values) - 1)) * error
    return Interval(mean, mean - reach, mean + reach)
