"""Judge whether a network that answers images shows where lesions are."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from mrigen.evaluation.anomaly.figures import curve_figure, map_figure
from mrigen.evaluation.anomaly.methods import (
    BRIGHTNESS,
    PROBABILITY,
    RESIDUAL,
    find_maps,
    score_methods,
)
from mrigen.evaluation.anomaly.slices import inserted_slices, labelled_slices
from mrigen.evaluation.anomaly.tables import Source, contrast_table, intervals, method_table
from mrigen.evaluation.case import BATCH, Case, spread_over
from mrigen.evaluation.config import AnomalyConfig
from mrigen.evaluation.judgement import Judgement
from mrigen.metrics.intervals import MIN_SUBJECTS
from mrigen.models.vae import VAE
from mrigen.page.document import Picture

INSERTED, LABELLED = "inserted", "labelled"

_HALF_A_GREY_LEVEL = 0.5 / 255


def judge_anomaly(case: Case) -> Judgement:
    """Judge a network that answers images; anything else is judged by nothing.

    Lesions of known contrast are inserted into test slices; labelled ones are looked for where a
    dataset has them. Every number of the network stands beside that of a threshold on the
    brightness of the slice itself.
    """
    judgement = Judgement()
    config = case.config.anomaly
    if case.reconstructor is None or config is None:
        return judgement
    inserted, labelled = inserted_slices(case, config.contrast), labelled_slices(case)
    judgement.remarks += labelled.remarks
    if inserted is None:
        judgement.remarks.append(
            "No test slice shows a head without a labelled lesion: no lesions were inserted."
        )
    sources = {}
    for name, known in ((INSERTED, inserted), (LABELLED, labelled.slices)):
        if known is None:
            continue
        maps = find_maps(case, config, known.images)
        scores = score_methods(maps, known, seed=case.seed)
        if scores:
            sources[name] = Source(known, maps, scores)
    if not sources:
        return judgement
    judgement.remarks += _identity(case, next(iter(sources.values())))
    for name, source in sources.items():
        _put(judgement, name, source)
        judgement.remarks += _remarks(name, source)
        judgement.pictures[f"anomaly_{name}"] = _draw_maps(case, config, name, source)
    judgement.tables["anomaly"] = method_table(sources)
    if INSERTED in sources:
        judgement.tables["anomaly_contrasts"] = contrast_table(case, config, sources[INSERTED])
    judgement.pictures["anomaly_curves"] = Picture(
        "Precision and recall of lesions",
        "How much of what is called a lesion is one, against how much of the lesions is found, at "
        "every threshold over the pixels of heads with lesions.",
        curve_figure({name: source.scores for name, source in sources.items()}),
    )
    return judgement


def _put(judgement: Judgement, name: str, source: Source) -> None:
    for method, scores in source.scores.items():
        qualifier = "" if method == RESIDUAL else f"{method}/"
        for measure, interval in intervals(scores).items():
            judgement.put(f"{qualifier}{name}_{measure}", interval)
    first = next(iter(source.scores.values()))
    judgement.metrics[f"{name}_chance_precision"] = first.pixels.share
    judgement.metrics[f"{name}_slices"] = float(source.known.diseased.sum())


def _remarks(name: str, source: Source) -> Iterator[str]:
    scores, known = source.scores, source.known
    people = len(set(known.subjects[known.diseased.numpy()]))
    if people < MIN_SUBJECTS:
        yield (
            f"The {name} lesions are those of {people} subject{'s' if people > 1 else ''}: too "
            "few for intervals over subjects; read them as an example."
        )
    if scores[RESIDUAL].slices is None:
        yield f"Every slice with {name} lesions has one: slices could not be told apart."
    bar = scores[BRIGHTNESS].pixels.average_precision.value
    best = max(
        scores[method].pixels.average_precision.value for method in scores if method != BRIGHTNESS
    )
    if best <= bar:
        yield (
            f"A threshold on brightness alone finds the {name} lesions at least as well as the "
            f"model does: average precision {bar:.3f} against {best:.3f}."
        )


def _identity(case: Case, source: Source) -> Iterator[str]:
    images = source.known.images[source.known.diseased][:BATCH]
    if bool((case.reconstruct(images) - images).abs().max() <= _HALF_A_GREY_LEVEL):
        yield "The model answers slices with lesions as they are: no residual is left to find them."


def _draw_maps(case: Case, config: AnomalyConfig, name: str, source: Source) -> Picture:
    diseased = torch.nonzero(source.known.diseased)[:, 0].numpy()
    chosen = torch.from_numpy(spread_over(diseased, config.shown))
    images = source.known.images[chosen]
    maps = {RESIDUAL: source.maps[RESIDUAL][chosen]}
    shown = "Slice with its lesion outlined, the model's answer, and the residual map"
    if isinstance(case.network, VAE):
        maps[PROBABILITY] = _as_error(source.maps[PROBABILITY][chosen], case.network)
        shown += ", and the reconstruction probability as the error that is as improbable"
    return Picture(
        f"Maps of {name} lesions",
        f"{shown}; all maps are white from the same error upwards.",
        map_figure(
            images,
            lesions=source.known.lesions[chosen],
            answers=case.reconstruct(images),
            maps=maps,
        ),
    )


def _as_error(surprise: Tensor, network: VAE) -> Tensor:
    """Return the error that is as improbable under the noise alone, in grey values."""
    log_variance = float(network.log_noise_variance)
    least = 0.5 * (log_variance + math.log(2 * math.pi))
    return (2 * math.exp(log_variance) * (surprise - least).clamp(min=0)).sqrt()
