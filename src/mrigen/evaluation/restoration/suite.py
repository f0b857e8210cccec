"""Every kind of damage at fixed strengths: the same for every model of a dataset.

A model may be judged by damage that it never learned to undo; that is the question.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from torch import Tensor

from mrigen.data.corruptions.batches import Corrupted, Drawn, Item, corrupt, draw
from mrigen.data.corruptions.blank_squares import BlankSquares
from mrigen.data.corruptions.brightness import BiasField
from mrigen.data.corruptions.fourier import Ghosting, Gibbs
from mrigen.data.corruptions.line_patch import LinePatch
from mrigen.data.corruptions.motion import Motion
from mrigen.data.corruptions.noise import GaussianNoise, PixelDropout, RicianNoise
from mrigen.data.corruptions.recipe import StepConfig
from mrigen.data.corruptions.resolution import Blur, LowerResolution
from mrigen.evaluation.case import BATCH, Case
from mrigen.evaluation.restoration.scores import Scores, beside_input, joined, usual_scores

#: What full strength is: the strongest that each kind's default range allows. Places, directions
#: and noise are drawn. Squares lie where the head is, since elsewhere they do no harm. Rescaling
#: is left out: a slice that already reaches from 0 to 1 stays as it is.
SUITE: tuple[StepConfig, ...] = (
    LinePatch(name="line_patch", min_opacity=1.0),
    BlankSquares(name="blank_squares", size=(39, 39), centre=(40, 88), place="anywhere"),
    LowerResolution(name="lower_resolution", factor=2),
    Blur(name="blur", sigma=(1.5, 1.5)),
    Gibbs(name="gibbs", keep=(0.4, 0.4)),
    Ghosting(name="ghosting", factor=(0.6, 0.6)),
    Motion(name="motion", poses=(6, 6)),
    PixelDropout(name="pixel_dropout", rate=(0.04, 0.04)),
    GaussianNoise(name="gaussian_noise", std=(0.04, 0.04)),
    RicianNoise(name="rician_noise", std=(0.09, 0.09)),
    BiasField(name="bias_field", loss=(0.7, 0.7)),
)

KINDS = tuple(step.name for step in SUITE)

#: The strength that the metrics are of.
FULL = 1.0

Rows = npt.NDArray[np.int64]


def score_suite(
    case: Case, rows: Rows, strengths: Sequence[float]
) -> Mapping[tuple[str, float], Scores]:
    """Return `usual_scores` beside those of the input, by kind of damage and strength.

    Parameters
    ----------
    case
        Of a reconstructor.
    rows : (N,)
        Of the manifest. A row's damage is decided by it and the seed of the evaluation alone, and
        a weaker damage is the same drawn damage, done in part.
    strengths
        In (0, 1].
    """
    parts: dict[tuple[str, float], list[Scores]] = defaultdict(list)
    for start in range(0, len(rows), BATCH):
        part = rows[start : start + BATCH]
        clean = case.images(part)
        for step in SUITE:
            drawn = _draw(case, step, part, clean)
            for strength in strengths:
                damaged, patch = corrupt(clean, drawn, strength=strength)
                shown = {"damaged": damaged, "target": clean, "patch": patch}
                scores = beside_input(usual_scores, case.reconstruct(damaged), **shown)
                parts[step.name, strength].append(scores)
    return {place: joined(scores) for place, scores in parts.items()}


def damaged_in_every_way(case: Case, row: int) -> list[Corrupted]:
    """Return one slice with each kind of damage at full strength, in the order of `KINDS`."""
    rows = np.array([row])
    clean = case.images(rows)
    return [corrupt(clean, _draw(case, step, rows, clean), strength=FULL) for step in SUITE]


def _draw(case: Case, step: StepConfig, rows: Rows, clean: Tensor) -> tuple[Drawn, ...]:
    height, width = clean.shape[-2:]
    items = [Item(case.seed, f"damage/{step.name}", 0, int(row)) for row in rows]
    return draw((step,), items, (height, width))
