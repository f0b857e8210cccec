"""Judge how close generated slices come to real ones."""

from mrigen.data.loader import TEST
from mrigen.evaluation.case import Case
from mrigen.evaluation.config import GenerationConfig
from mrigen.evaluation.figures import sample_figure
from mrigen.evaluation.generation.appearance import (
    histograms_of,
    measure_appearance,
    measure_variety,
    spectra_of,
    too_small_for_pairs,
)
from mrigen.evaluation.generation.distances import (
    Numbers,
    measure_distances,
    measure_neighbourhoods,
)
from mrigen.evaluation.generation.figures import appearance_figure
from mrigen.evaluation.generation.ladder_distances import judge_ladder
from mrigen.evaluation.generation.positions import judge_positions
from mrigen.evaluation.generation.quick_mode import judge_quick_mode
from mrigen.evaluation.generation.resampling import HalfSamples
from mrigen.evaluation.generation.sets import Sets, Three, choose_sets
from mrigen.evaluation.generation.slices import judge_slices
from mrigen.evaluation.generation.table import generation_table, put_numbers
from mrigen.evaluation.judgement import Judgement
from mrigen.metrics.inception import Inception
from mrigen.metrics.inception_score import inception_score
from mrigen.metrics.intervals import MIN_SUBJECTS, Interval
from mrigen.page.document import Picture

_FID = {
    "frechet_distance": "fid",
    "frechet_floor": "fid_floor",
    "frechet_ratio": "fid_ratio",
}


def judge_generation(case: Case) -> Judgement:
    """Judge a network that makes images from noise; anything else is judged by nothing."""
    judgement = Judgement()
    config = case.config.generation
    if case.sampler is None or config is None:
        return judgement
    judgement.pictures["samples"] = _samples(case)
    sets = choose_sets(case)
    if sets.count < 2:
        judgement.remarks.append(
            f"Sets of {sets.count} slices cannot be compared: with fewer than two test slices or "
            "two training slices there is no distance of generated slices to real ones."
        )
        return judgement
    halves = sets.half_samples(config.resamples)
    if not halves.possible:
        judgement.remarks.append(
            f"Distances of generated slices have no intervals: expected at least {MIN_SUBJECTS} "
            "test subjects and training subjects, and two slices in any half of them."
        )
    drawn = halves if halves.possible else None
    found = _judge_features(judgement, sets, drawn, config)
    found[""] = _judge_pixels(judgement, sets, drawn, config)
    judgement.tables["generation"] = generation_table(found, count=sets.count)
    return judgement


def _judge_features(
    judgement: Judgement, sets: Sets, halves: HalfSamples | None, config: GenerationConfig
) -> dict[str, Numbers]:
    """Add what each extractor says, and return its numbers by its label."""
    case, found = sets.case, {}
    for label, extractor in case.extractors.items():
        features = sets.features(extractor)
        numbers = _measure(features, sets, halves, config)
        if extractor is case.extractor:
            if "precision" not in numbers:
                judgement.remarks.append(
                    f"{sets.count} slices a side have no {config.neighbours}-th nearest "
                    "neighbours: precision, recall, density and coverage are left out."
                )
            judgement.add(judge_positions(features, sets, config, halves))
            judgement.add(judge_slices(features, sets))
            distance = numbers["frechet_distance"].value
            judgement.add(judge_ladder(features, sets, extractor, config=config, distance=distance))
            judgement.add(judge_quick_mode(features, sets, distance=distance))
        if isinstance(extractor.network, Inception):
            numbers = _as_fid(numbers) | _scores(features, extractor.network)
        qualifier = "" if extractor is case.extractor else f"{label}/"
        put_numbers(judgement, numbers, qualifier=qualifier)
        found[label] = numbers
    return found


def _measure(
    features: Three, sets: Sets, halves: HalfSamples | None, config: GenerationConfig
) -> Numbers:
    numbers = measure_distances(features, halves, sets.resampled)
    if sets.count > config.neighbours:
        subjects = sets.case.subjects(sets.test)
        numbers |= measure_neighbourhoods(
            features, subjects, neighbours=config.neighbours, seed=sets.case.seed
        )
    return numbers


def _as_fid(numbers: Numbers) -> Numbers:
    return {_FID.get(name, name): interval for name, interval in numbers.items()}


def _scores(features: Three, network: Inception) -> Numbers:
    return {
        "inception_score": Interval(inception_score(network.logits(features.generated))),
        "inception_score_of_real": Interval(inception_score(network.logits(features.train))),
    }


def _judge_pixels(
    judgement: Judgement, sets: Sets, halves: HalfSamples | None, config: GenerationConfig
) -> Numbers:
    """Add what the pixels say, and return their numbers."""
    images, case = sets.images(), sets.case
    spectra, histograms = spectra_of(images), histograms_of(images)
    numbers = measure_appearance(spectra, histograms, halves, sets.resampled)
    if too_small_for_pairs(images.test):
        judgement.remarks.append("Slices this small have no MS-SSIM: it is left out.")
    else:
        subjects = case.subjects(sets.test)
        if len(set(subjects)) < 2:
            judgement.remarks.append(
                "All test slices are of one person: two real slices are more alike in MS-SSIM "
                "than those of different people."
            )
        numbers |= measure_variety(images, subjects, config=config, seed=case.seed)
    put_numbers(judgement, numbers)
    judgement.pictures["generation_appearance"] = _appearance(spectra, histograms)
    return numbers


def _samples(case: Case) -> Picture:
    rows = case.rows(TEST, case.config.sheet_images)
    return Picture(
        "Samples beside real slices",
        "Left, images drawn from the model without choosing among them; right, as many real "
        "slices of test subjects.",
        sample_figure(case.generated(min(len(rows), case.config.samples)), case.images(rows)),
    )


def _appearance(spectra: Three, histograms: Three) -> Picture:
    return Picture(
        "Detail and intensities",
        "Left, the mean power of the slices from coarse structures to fine detail: a curve that "
        "falls below the real ones at the right is blur, one above them noise. Right, how many "
        "pixels have each intensity.",
        appearance_figure(spectra, histograms),
    )
