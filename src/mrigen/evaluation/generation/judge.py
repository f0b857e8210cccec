"""Judge how close generated slices come to real ones."""

from mrigen.data.loader import TEST, TRAIN
from mrigen.evaluation.case import Case
from mrigen.evaluation.figures import sample_figure
from mrigen.evaluation.generation.distances import evaluate_generation
from mrigen.evaluation.judgement import Judgement
from mrigen.page.document import Picture


def judge_generation(case: Case) -> Judgement:
    """Judge a network that makes images from noise; anything else is judged by nothing."""
    judgement = Judgement()
    network, config = case.sampler, case.config
    if network is None or config.generation is None:
        return judgement
    test, train = case.rows(TEST), case.rows(TRAIN)
    count = min(config.samples, len(test), len(train))
    judgement.metrics |= evaluate_generation(
        network,
        test=case.batches(TEST, count),
        train=case.batches(TRAIN, count),
        extractor=config.extractors[0].build(case.device),
        seed=case.seed,
    )
    judgement.pictures["samples"] = _samples(case)
    return judgement


def _samples(case: Case) -> Picture:
    rows = case.rows(TEST, case.config.sheet_images)
    return Picture(
        "Samples beside real slices",
        "Left, images drawn from the model without choosing among them; right, as many real "
        "slices of test subjects.",
        sample_figure(case.generated(min(len(rows), case.config.samples)), case.images(rows)),
    )
