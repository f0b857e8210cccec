"""Judge how a model restores damaged slices and reproduces clean ones."""

from mrigen.data.loader import TEST, ordered_batches
from mrigen.evaluation.case import BATCH, Case
from mrigen.evaluation.figures import restoration_figure
from mrigen.evaluation.judgement import Judgement
from mrigen.evaluation.restoration.scores import evaluate_restoration
from mrigen.page.document import Picture


def judge_restoration(case: Case) -> Judgement:
    """Judge a network that answers images; anything else is judged by nothing."""
    judgement = Judgement()
    network, config = case.reconstructor, case.config
    if network is None or config.restoration is None:
        return judgement
    # The damage is done on the CPU: the same bytes, whatever device the network is on.
    damaged = case.dataset(TEST, corruption=case.corruption)
    batches = ordered_batches(damaged, batch_size=BATCH, limit=config.slices)
    judgement.metrics |= evaluate_restoration(network, batches, device=case.device)
    judgement.pictures["restorations"] = _answers(case)
    return judgement


def _answers(case: Case) -> Picture:
    count = case.config.restoration_images
    damaged = case.dataset(TEST, corruption=case.corruption)
    batch = next(ordered_batches(damaged, batch_size=count, limit=count))
    restored = case.reconstruct(batch.input)
    png = restoration_figure(batch.input, target=batch.target, restored=restored, patch=batch.patch)
    return Picture(
        "Answers on test slices",
        "One slice a column. From top to bottom: the clean slice, the damaged input if there is "
        "damage (its patch outlined), the model's answer, and their absolute difference, white "
        "from a quarter of the range on. Below a picture, its PSNR against the clean slice.",
        png,
    )
