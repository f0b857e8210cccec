"""Scores of a network on validation subjects, quick enough to be asked for during a training."""

import math
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor, nn

from mrigen.data.corruptions.recipe import Recipe
from mrigen.data.loader import VALIDATION, SliceDataset, ordered_batches
from mrigen.data.store.slice_store import SliceStore
from mrigen.errors import ConfigError, DataError, ModelError
from mrigen.evaluation.case import BATCH, reconstruct, spread_over
from mrigen.evaluation.drawing import generate
from mrigen.evaluation.extractors import ExtractorConfig
from mrigen.evaluation.feature_cache import kept_features
from mrigen.evaluation.generation.distances import statistics_of
from mrigen.images import from_integers, to_uint8
from mrigen.metrics.distribution import FeatureStatistics, frechet_distance
from mrigen.metrics.features import FeatureExtractor
from mrigen.metrics.kernel_distance import kernel_distance
from mrigen.metrics.similarity import dssim, mse
from mrigen.models.interfaces import Reconstructor, Sampler
from mrigen.seeds import torch_seed

#: Of networks that make images from noise; the first is the one they are judged by.
SAMPLER_SCORES = ("frechet_distance", "kernel_distance")
#: Of networks that answer images with images; the first is the one they are judged by.
RECONSTRUCTOR_SCORES = ("dssim", "mse")

# Images that an extractor sees at a time. Two fit into the cache of a core, and are read off up to
# twice as fast as the eight that an evaluation takes; a GPU wants to be filled.
_CHUNKS = {"cpu": 2}
_CHUNK = 64


class ValidationScorer:
    """Measures how good networks are on validation subjects; smaller is better.

    A network that makes images is judged by `frechet_distance` and `kernel_distance` between
    generated images and validation slices. One that answers images is judged by `dssim` and
    `mse` between its answers and the clean slices, after the damage it learns to undo. What a
    `Conditional` network is told of an image is known of a training slice, never of those that it
    is compared with.

    Nothing here touches the default random generators, so that a training goes on as if it had
    not been looked at. The same network gets the same numbers on the same machine.

    Parameters
    ----------
    store
        The dataset that the networks learn from.
    corruption
        The damage they learn to undo; None for clean slices.
    samples
        Generated images a distance is measured on.
    slices
        Validation slices a score is measured on, at most, evenly over the split.
    extractor
        Which features the distances are between.
    device
        Where the networks are, and where features are computed.
    cache
        The folder that evaluations keep the features of real slices in, too.
    root
        The project folder, to which paths of weights are relative.
    seed
        Of the noise behind generated images and of the damage.

    Raises
    ------
    DataError
        If there are fewer than two validation slices.

    Notes
    -----
    Distances are measured without their floor between sets of real slices: they compare with
    each other for one store, extractor, number of samples and of slices, and with nothing else.
    """

    def __init__(
        self,
        store: SliceStore,
        *,
        corruption: Recipe | None,
        samples: int,
        slices: int,
        extractor: ExtractorConfig,
        device: torch.device,
        cache: Path,
        root: Path,
        seed: int,
    ) -> None:
        self.store, self.samples, self.slices = store, samples, slices
        self.device, self.cache, self.root, self.seed = device, cache, root, seed
        self._extractor_config = extractor
        self._damaged = SliceDataset(store, VALIDATION, corruption=corruption, seed=seed)
        self.rows = spread_over(self._damaged.positions, slices)
        if len(self.rows) < 2:
            raise DataError(
                f"dataset '{store.path.name}' has {len(self.rows)} slice in its validation split: "
                "expected at least two to score a network on. Give that split more subjects."
            )

    def possible(self, network: nn.Module) -> tuple[str, ...]:
        """Return the names of the scores that can be measured, the one to judge by first."""
        makes = SAMPLER_SCORES if isinstance(network, Sampler) else ()
        answers = RECONSTRUCTOR_SCORES if isinstance(network, Reconstructor) else ()
        return (*makes, *answers)

    def checked(self, network: nn.Module, wanted: str | None) -> str:
        """Return the name of the score to judge by: the one asked for, or for None the first.

        Raises
        ------
        ConfigError
            If it cannot be measured for such a network, or none can.
        """
        names = self.possible(network)
        kind = type(network).__name__
        if not names:
            raise ConfigError(
                f"a {kind} neither makes nor answers images: expected a network with a score. "
                "Use another one."
            )
        if wanted is None:
            return names[0]
        if wanted not in names:
            listed = ", ".join(f"'{name}'" for name in names)
            raise ConfigError(
                f"score '{wanted}' cannot be measured for a {kind}: expected one of {listed}. "
                "Set 'score' of 'search' to one of them, or leave it out."
            )
        return wanted

    def __call__(self, network: nn.Module) -> dict[str, float]:
        """Measure every possible score of a network.

        Parameters
        ----------
        network
            In evaluation mode, on the scorer's device, and fitted if it is a `Fitted`.

        Raises
        ------
        ModelError
            If its images are not finite.
        """
        scores: dict[str, float] = {}
        if isinstance(network, Sampler):
            scores |= self._distances(network)
        if isinstance(network, Reconstructor):
            scores |= self._differences(network)
        return scores

    def prepare(self) -> None:
        """Compute the features of real slices, so that the first score does not wait for them."""
        self._real  # noqa: B018 - computed and kept by being asked for

    def kernel_distance(self, network: Sampler) -> float:
        """Measure the kernel distance alone, which is quicker than every score.

        Parameters and errors as of a call.
        """
        return kernel_distance(self._features(network), self._real)

    def _distances(self, network: Sampler) -> dict[str, float]:
        features = self._features(network)
        return {
            "frechet_distance": frechet_distance(statistics_of(features), self._statistics),
            "kernel_distance": kernel_distance(features, self._real),
        }

    def _features(self, network: Sampler) -> Tensor:
        drawn = generate(network, self.store, self.samples, seed=torch_seed(self.seed, "score"))
        # Of eight bits, as images are handed out.
        images = (from_integers(to_uint8(_finite(part))) for part in drawn)
        extractor, chunk = self._extractor, _CHUNKS.get(self.device.type, _CHUNK)
        return torch.cat([extractor(part, chunk=chunk) for part in images])

    def _differences(self, network: Reconstructor) -> dict[str, float]:
        # The damage is done on the CPU: the same bytes, whatever device the network is on.
        batches = ordered_batches(self._damaged, batch_size=BATCH, limit=self.slices)
        found: dict[str, list[Tensor]] = {name: [] for name in RECONSTRUCTOR_SCORES}
        for batch in batches:
            answer = _finite(reconstruct(network, batch.input, device=self.device))
            found["dssim"].append(dssim(answer, batch.target))
            found["mse"].append(mse(answer, batch.target))
        return {name: _mean(parts) for name, parts in found.items()}

    @cached_property
    def _extractor(self) -> FeatureExtractor:
        return self._extractor_config.build(self.device, root=self.root)

    @cached_property
    def _real(self) -> Tensor:
        return kept_features(
            self.cache / "features",
            self.store.fingerprint,
            self.rows,
            extractor=self._extractor,
            images=lambda rows: from_integers(self.store.read(rows))[:, None],
        )

    @cached_property
    def _statistics(self) -> FeatureStatistics:
        return statistics_of(self._real)


def _finite(images: Tensor) -> Tensor:
    if not bool(images.isfinite().all()):
        raise ModelError(
            "the network answers with images that are not finite: expected numbers in [0, 1]. "
            "Lower 'learning_rate' or set 'clip_norm' to 1."
        )
    return images


def _mean(parts: Iterable[Tensor]) -> float:
    values = torch.cat(list(parts))
    return math.fsum(values.tolist()) / len(values)
