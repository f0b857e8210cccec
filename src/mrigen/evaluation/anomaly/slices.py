"""Test slices of which it is known where their lesions are: inserted ones, and labelled ones."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mrigen.data.lesions import head_masks, insert_lesions
from mrigen.data.loader import TEST, TRAIN
from mrigen.data.store.slice_store import SliceStore
from mrigen.evaluation.case import Case, spread_over
from mrigen.evaluation.config import AnomalyConfig
from mrigen.images import from_integers


class KnownSlices(NamedTuple):
    """Slices of which it is known what is to be found.

    Attributes
    ----------
    images : (N, 1, H, W) float32 in [0, 1]
    lesions : (N, 1, H, W) bool
        Empty for slices without a lesion.
    heads : (N, 1, H, W) bool
        The pixels that count, among them all of `lesions`; none of them is empty.
    subjects : (N,)
        Whose slice each is.
    """

    images: Tensor
    lesions: Tensor
    heads: Tensor
    subjects: npt.NDArray[np.object_]

    @property
    def diseased(self) -> Tensor:
        """(N,) bool, whether a slice has a lesion."""
        return self.lesions.flatten(1).any(1)


class LabelledSlices(NamedTuple):
    """Slices with labelled lesions, if there are any to be had.

    Attributes
    ----------
    slices
        None where nothing can be measured.
    remarks
        Why not, or what to keep in mind.
    """

    slices: KnownSlices | None = None
    remarks: tuple[str, ...] = ()


def inserted_slices(case: Case, contrast: float) -> KnownSlices | None:
    """Return test slices with an inserted lesion, then the same slices without.

    Slices with a labelled lesion of their own, which would count as healthy, are left out. None
    where no other test slice shows a head.
    """
    config = _config(case)
    rows = case.rows(TEST)
    if case.store.has_labels and len(rows):
        rows = rows[~_labelled(case.store, rows, config).any((1, 2))]
    rows = spread_over(rows, config.slices)
    if not len(rows):
        return None
    clean = case.images(rows)
    heads = head_masks(clean)
    shown = heads.flatten(1).any(1)
    clean, heads, rows = clean[shown], heads[shown], rows[shown.numpy()]
    if not len(clean):
        return None
    changed, lesions = insert_lesions(
        clean, rows, contrast=contrast, radius=config.radius, seed=case.seed
    )
    subjects = case.subjects(rows)
    return KnownSlices(
        torch.cat([changed, clean]),
        torch.cat([lesions, torch.zeros_like(lesions)]),
        torch.cat([heads | lesions] * 2),
        np.concatenate([subjects, subjects]),
    )


def labelled_slices(case: Case) -> LabelledSlices:
    """Return test slices whose label maps say where lesions are.

    They are those of the dataset that the configuration names, or of the model's own if it keeps
    labels. Subjects that the model was trained on are left out.
    """
    config = _config(case)
    if config.dataset is None:
        store = case.store
        if not store.has_labels:
            return LabelledSlices()
    else:
        named = case.others.get(config.dataset)
        if named is None:
            return _none(f"The dataset '{config.dataset}' of 'anomaly.dataset' is not at hand")
        store = named
    return _read(case, store, config)


def _read(case: Case, store: SliceStore, config: AnomalyConfig) -> LabelledSlices:
    name = store.path.name
    if not store.has_labels:
        return _none(f"The dataset '{name}' keeps no labels (set 'labels: true' for it)")
    if store.size != case.store.size:
        return _none(
            f"The dataset '{name}' has slices of {store.size} pixels where the model takes "
            f"{case.store.size}"
        )
    rows, remarks = _unseen(case, store, store.positions(TEST))
    modalities = store.manifest["modality"].to_numpy(dtype=object)
    if config.modality is not None:
        rows = rows[modalities[rows] == config.modality]
    rows = spread_over(rows, config.slices)
    lesions = torch.from_numpy(_labelled(store, rows, config))[:, None]
    if not bool(lesions.any()):
        kind = "" if config.modality is None else f" of modality '{config.modality}'"
        return _none(f"The dataset '{name}' has no test slices{kind} with a labelled lesion")
    if store.path != case.store.path:
        remarks = (*remarks, _other_images(case, name, sorted(set(modalities[rows]))))
    images = from_integers(store.read(rows))[:, None]
    heads = head_masks(images) | lesions
    shown = heads.flatten(1).any(1)
    subjects = store.manifest["subject"].to_numpy(dtype=object)[rows]
    found = (images[shown], lesions[shown], heads[shown], subjects[shown.numpy()])
    return LabelledSlices(KnownSlices(*found), remarks)


def _labelled(
    store: SliceStore, rows: npt.NDArray[np.int64], config: AnomalyConfig
) -> npt.NDArray[np.bool_]:
    """Return where labels say that there is a lesion, (N, H, W)."""
    maps = store.read_labels(rows)
    return maps != 0 if config.labels is None else np.isin(maps, config.labels)


def _unseen(
    case: Case, store: SliceStore, rows: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    """Leave out whom the model was trained on: another dataset may have split them otherwise."""
    if store.path == case.store.path:
        return rows, ()
    trained = set(case.subjects(case.rows(TRAIN)))
    subjects = store.manifest["subject"].to_numpy(dtype=object)[rows]
    known = np.isin(subjects.astype(str), [str(subject) for subject in trained])
    if not known.any():
        return rows, ()
    count = len(set(subjects[known]))
    return rows[~known], (
        f"{count} test subjects of '{store.path.name}' are training subjects of the model and "
        "were left out of the labelled lesions.",
    )


def _other_images(case: Case, name: str, modalities: list[str]) -> str:
    kind = ", ".join(modalities)
    known = set(modalities) <= set(case.store.manifest["modality"])
    seen = "was not trained on" if known else "was not trained on, nor on all of these modalities"
    return (
        f"Labelled lesions are looked for in {kind} slices of '{name}', which the model {seen}: "
        "whatever differs from its own slices counts as unusual too."
    )


def _none(reason: str) -> LabelledSlices:
    return LabelledSlices(remarks=(f"{reason}: labelled lesions were not looked for.",))


def _config(case: Case) -> AnomalyConfig:
    assert case.config.anomaly is not None
    return case.config.anomaly
