"""What the Pareto figure shows: a panel for each dataset and task with two models or more."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mrigen.evaluation.catalogue.listing import find_metric
from mrigen.evaluation.comparison.pareto import Panel, Point

#: Numbers by which quality is drawn over time; of each group the first that two models have.
QUALITY = (
    ("damage_psnr_db", "clean_psnr_db", "slice_psnr_db"),
    ("frechet_ratio",),
    ("inserted_pixel_auroc",),
)


class Trained(NamedTuple):
    """What is known of a model: seconds are None where they were not recorded."""

    model: str
    dataset: str
    seconds: float | None
    metrics: Mapping[str, float]


def pareto_panels(models: Sequence[Trained]) -> tuple[list[Panel], list[str]]:
    """Return the panels, and a sentence on models that have no place in them."""
    timed = [each for each in models if each.seconds is not None and each.seconds > 0]
    panels = []
    for keys in QUALITY:
        for dataset in dict.fromkeys(each.dataset for each in timed):
            found = (_panel(key, dataset, timed) for key in keys)
            panels += [panel for panel in found if panel is not None][:1]
    left_out = [each.model for each in models if each not in timed]
    remarks = []
    if left_out:
        remarks.append(
            f"Not drawn, as the time of their training is not recorded here: {', '.join(left_out)}."
        )
    return panels, remarks


def _panel(key: str, dataset: str, timed: Sequence[Trained]) -> Panel | None:
    metric = find_metric(key)
    points = [
        Point(
            *(each.model, float(each.seconds or 0), each.metrics[key]),
            *(each.metrics.get(f"{key}_{end}") for end in ("low", "high")),
        )
        for each in timed
        if each.dataset == dataset and key in each.metrics
    ]
    if len(points) < 2 or metric is None or metric.better is None:
        return None
    label = f"{metric.label}, {metric.unit}" if metric.unit else metric.label
    return Panel(dataset, label, metric.better, points)
