"""What `flow_comparison.py` measures on the images of every contender, by the same code."""

from dataclasses import dataclass, field
from functools import cache

import numpy as np
import numpy.typing as npt
import torch
from flow_training import Bench
from torch import Tensor, nn

from mrigen.evaluation.case import Case
from mrigen.evaluation.config import CopyingConfig, EvaluationConfig, GenerationConfig
from mrigen.evaluation.copying.search import Search
from mrigen.evaluation.copying.verdict import copied_interval, copied_of_real
from mrigen.evaluation.generation.distances import measure_distances, measure_neighbourhoods
from mrigen.evaluation.generation.sets import choose_sets
from mrigen.images import from_integers
from mrigen.metrics.features import FeatureExtractor, efficientnet_lite0
from mrigen.metrics.intervals import Interval

Numbers = dict[str, Interval]


@dataclass(frozen=True)
class DrawnCase(Case):
    """A case whose images were drawn before, by whatever network.

    Attributes
    ----------
    drawn : (N, 1, H, W) uint8
        Image `i` drawn from `seed + i`.
    """

    drawn: npt.NDArray[np.uint8] = field(default_factory=lambda: np.empty(0, np.uint8))

    def generated(self, count: int) -> Tensor:
        """Return the first of the images, (count, 1, H, W) float32 in [0, 1]."""
        return from_integers(self.drawn[:count])

    @property
    def extractor(self) -> FeatureExtractor:
        """The main feature extractor, which all contenders share."""
        return _extractor(self.device)


@cache
def _extractor(device: torch.device) -> FeatureExtractor:
    return efficientnet_lite0(device=device)


def judge(bench: Bench, drawn: npt.NDArray[np.uint8]) -> Numbers:
    """Measure generated images as `mrigen evaluate` does.

    Parameters
    ----------
    bench
        Whose test slices they are compared with.
    drawn : (N, 1, H, W) uint8
        As many test slices, and as many training slices for the floor, evenly over their splits.

    Returns
    -------
    dict
        Numbers by the names of an evaluation. Those of neighbourhoods are left out where there
        are too few images for them, and those of copies likewise.
    """
    config = EvaluationConfig(samples=len(drawn), seed=bench.seed)
    network, device = nn.Identity(), bench.runtime.device
    case = DrawnCase("drawn", network, bench.store, None, config, device, bench.cache, drawn=drawn)
    generation = config.generation or GenerationConfig()
    sets = choose_sets(case)
    features = sets.features(case.extractor)
    halves = sets.half_samples(generation.resamples)
    found = measure_distances(features, halves if halves.possible else None, sets.resampled)
    if sets.count > generation.neighbours:
        subjects, neighbours = case.subjects(sets.test), generation.neighbours
        found |= measure_neighbourhoods(features, subjects, neighbours=neighbours, seed=case.seed)
    return found | _copies(case)


def _copies(case: DrawnCase) -> Numbers:
    config = case.config.copying or CopyingConfig()
    search = Search(case, config)
    if search.too_few() is not None:
        return {}
    percentile, people = config.control_percentile, search.test_of
    share = copied_interval(
        search.generated, search.control, people, percentile=percentile, seed=case.seed
    )
    control = copied_of_real(search.control, people, percentile)
    return {"copied_share": share, "copied_share_of_real": Interval(control)}
