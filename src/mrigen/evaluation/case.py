"""A trained network, and the slices and settings by which it is judged."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from mrigen.data.corruptions.recipe import Recipe
from mrigen.data.loader import SliceDataset, ordered_batches
from mrigen.data.store.slice_store import SliceStore
from mrigen.errors import DataError
from mrigen.evaluation.config import EvaluationConfig
from mrigen.evaluation.drawing import drawn_conditions, drawn_rows, generate
from mrigen.evaluation.feature_cache import features_of, kept_features
from mrigen.evaluation.stacks.drawing import stack_sampler, takes_positions
from mrigen.images import from_integers, to_uint8
from mrigen.metrics.features import FeatureExtractor
from mrigen.models.interfaces import Conditional, Quick, Reconstructor, Sampler

if TYPE_CHECKING:
    # It knows the readers of volumes, which judging slices does not need.
    from mrigen.data.slicing.dataset import DatasetConfig

#: Slices in memory at a time.
BATCH = 32


@dataclass(frozen=True)
class RawData:
    """Where whole volumes are, for what cannot be judged on the slices of a store.

    Attributes
    ----------
    root
        The project folder, to which the paths of a manifest are relative.
    dataset
        How the volumes were cut.
    max_voxels
        The most voxels a file may declare.
    """

    root: Path
    dataset: "DatasetConfig"
    max_voxels: int


@dataclass(frozen=True)
class Case:
    """What every judge is given.

    Attributes
    ----------
    model
        Its name in `params.yaml`.
    network
        In evaluation mode on `device`.
    store
        The dataset it was trained on.
    corruption
        The damage it learned to undo; None for a model of clean slices.
    config
        How much is judged, and with what.
    device
        Where the network is; images go there and come back.
    cache
        Folder for what is computed once per dataset, such as the features of real slices.
    others
        Further datasets that the configuration names, by name.
    raw
        The volumes behind the slices; None where they are not at hand.
    quick
        Images are drawn in the quick mode of a `Quick` network.
    """

    model: str
    network: nn.Module
    store: SliceStore
    corruption: Recipe | None
    config: EvaluationConfig
    device: torch.device
    cache: Path
    others: dict[str, SliceStore] = field(default_factory=dict)
    raw: RawData | None = None
    quick: bool = False

    @property
    def seed(self) -> int:
        """Of everything random in the evaluation."""
        return self.config.seed

    @property
    def reconstructor(self) -> Reconstructor | None:
        """The network if it answers images with images."""
        return self.network if isinstance(self.network, Reconstructor) else None

    @property
    def sampler(self) -> Sampler | None:
        """The network if it makes images from noise."""
        return self.network if isinstance(self.network, Sampler) else None

    @cached_property
    def in_quick_mode(self) -> "Case | None":
        """The same case with images that are drawn quickly; None if there is no such mode."""
        return replace(self, quick=True) if isinstance(self.network, Quick) else None

    @cached_property
    def of_stacks(self) -> "Case | None":
        """The same case with images drawn as slices of a stack; None if that is no other way."""
        if not takes_positions(self.network):
            return None
        drawer = stack_sampler(self.network)
        if drawer is self.network:
            return None
        assert isinstance(drawer, nn.Module)
        return replace(self, network=drawer)

    def dataset(self, split: str, *, corruption: Recipe | None = None) -> SliceDataset:
        """Return the slices of a split, clean or with drawn damage that is always the same."""
        return SliceDataset(self.store, split, corruption=corruption, seed=self.seed)

    def rows(self, split: str, limit: int | None = None) -> npt.NDArray[np.int64]:
        """Return rows of the manifest of one split, at even distances over all of it."""
        return spread_over(self.store.positions(split), limit)

    def images(self, rows: npt.NDArray[np.int64]) -> Tensor:
        """Read clean slices, (N, 1, H, W) float32 in [0, 1]."""
        return from_integers(self.store.read(rows))[:, None]

    def batches(self, split: str, limit: int | None = None) -> Iterator[Tensor]:
        """Yield the clean slices of `rows` in batches."""
        for batch in ordered_batches(self.dataset(split), batch_size=BATCH, limit=limit):
            yield batch.target

    def subjects(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.object_]:
        """Return whom each row of the manifest belongs to."""
        return self.store.manifest["subject"].to_numpy(dtype=object)[rows]

    def reconstruct(self, images: Tensor) -> Tensor:
        """Return the network's answer to (N, 1, H, W) images, on the CPU, without gradients."""
        network = self.reconstructor
        if network is None:
            raise DataError(f"model '{self.model}' answers no images: expected a reconstructor.")
        return reconstruct(network, images, device=self.device)

    def generated(self, count: int) -> Tensor:
        """Return generated images, image `i` drawn from `seed + i`, the first ones of `samples`.

        (count, 1, H, W) float32 in [0, 1], rounded to the 8 bits in which they are handed out.
        `generated_conditions` says what a `Conditional` network was told of each.
        """
        if count > len(self._drawn):
            raise DataError(
                f"{count} generated images were asked for: expected at most the "
                f"{len(self._drawn)} of 'evaluation.samples'."
            )
        return from_integers(self._drawn[:count])

    @property
    def condition_names(self) -> tuple[str, ...]:
        """What the network is told of each image that it draws."""
        network = self.network
        return tuple(c.name for c in network.conditions) if isinstance(network, Conditional) else ()

    def generated_conditions(self, count: int) -> list[dict[str, float]]:
        """Return what the network was told of each image of `generated`, also beyond `samples`.

        Values by the names of its conditions, choices as their places; what is not known is left
        out.
        """
        return drawn_conditions(self._drawer, self.store, self._seeds(count))

    def generated_rows(self, count: int) -> npt.NDArray[np.int64]:
        """Return the training slice whose conditions each image has, as a row of the manifest."""
        return drawn_rows(self.store, self._seeds(count))

    def _seeds(self, count: int) -> range:
        return range(self.seed, self.seed + count)

    @cached_property
    def extractors(self) -> dict[str, FeatureExtractor]:
        """The feature extractors of the configuration by label, the main one first."""
        root = self.raw.root if self.raw else Path()
        return {each.label: each.build(self.device, root=root) for each in self.config.extractors}

    @property
    def extractor(self) -> FeatureExtractor:
        """The main feature extractor, whose numbers carry no qualifier."""
        return next(iter(self.extractors.values()))

    def real_features(
        self, rows: npt.NDArray[np.int64], extractor: FeatureExtractor | None = None
    ) -> Tensor:
        """Return the features of clean slices, (len(rows), features) float32 on the CPU.

        They are kept in `cache`, and are the same bytes whether they were there or not.
        """
        return kept_features(
            self.cache / "features",
            self.store.fingerprint,
            rows,
            extractor=extractor or self.extractor,
            images=self.images,
        )

    def generated_features(self, count: int, extractor: FeatureExtractor | None = None) -> Tensor:
        """Return the features of `generated(count)`, (count, features) float32 on the CPU.

        They are computed once in an evaluation.
        """
        extractor = extractor or self.extractor
        known = self._generated_features.get(id(extractor))
        # Held with its extractor, whose identity would otherwise pass to another object.
        features = known[1] if known else torch.empty(0, extractor.features)
        if len(features) < count:
            fresh = features_of(self.generated(count)[len(features) :], extractor)
            features = torch.cat([features, fresh])
            self._generated_features[id(extractor)] = extractor, features
        return features[:count]

    @cached_property
    def _generated_features(self) -> dict[int, tuple[FeatureExtractor, Tensor]]:
        return {}

    @cached_property
    def _drawn(self) -> npt.NDArray[np.uint8]:
        count, seed = self.config.samples, self.seed
        parts = generate(self._drawer, self.store, count, seed=seed, quick=self.quick)
        return np.concatenate([to_uint8(part) for part in parts])

    @property
    def _drawer(self) -> Sampler:
        if self.sampler is None:
            raise DataError(f"model '{self.model}' draws no images: expected a sampler.")
        return self.sampler


def spread_over(rows: npt.NDArray[np.int64], limit: int | None) -> npt.NDArray[np.int64]:
    """Return at most `limit` rows at even distances over all of them."""
    if limit is None or limit >= len(rows):
        return rows
    places = np.linspace(0, len(rows) - 1, limit).round().astype(np.int64)
    return np.asarray(rows[places], np.int64)


def reconstruct(
    network: Reconstructor, images: Tensor, *, device: torch.device | str = "cpu"
) -> Tensor:
    """Return a network's answer on the CPU, without gradients.

    Parameters
    ----------
    network
        In evaluation mode on `device`.
    images : (N, 1, H, W) float32 in [0, 1]
    device
        Where the network is.

    Returns
    -------
    (N, 1, H, W) float32 in [0, 1]
    """
    with torch.inference_mode():
        return network.reconstruct(images.to(device)).float().cpu()
