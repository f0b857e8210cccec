"""All numbers of generation as one table: generated beside real, with intervals."""

from collections.abc import Mapping

from mrigen.evaluation.catalogue.listing import find_metric
from mrigen.evaluation.generation.distances import Numbers
from mrigen.evaluation.judgement import Judgement, Row, Table
from mrigen.metrics.intervals import Interval

#: What the numbers are of, and under which names real training slices score the same.
_REAL = {
    "frechet_distance": "frechet_floor",
    "fid": "fid_floor",
    "inception_score": "inception_score_of_real",
    "kernel_distance": "kernel_floor",
    "precision": "precision_of_real",
    "recall": "recall_of_real",
    "density": "density_of_real",
    "coverage": "coverage_of_real",
    "ms_ssim": "ms_ssim_of_real",
    "spectrum_distance": "spectrum_floor",
    "histogram_distance": "histogram_floor",
}
_RATIOS = {"frechet_distance": "frechet_ratio", "fid": "fid_ratio"}

_COLUMNS = (
    *("measure", "features"),
    *("generated", "generated_low", "generated_high", "real", "real_low", "real_high"),
)


def put_numbers(judgement: Judgement, numbers: Numbers, *, qualifier: str = "") -> None:
    """Add numbers to the metrics; those that are no judgement without the ends of intervals."""
    for name, interval in numbers.items():
        metric = find_metric(name)
        if metric is not None and metric.better is not None:
            judgement.put(qualifier + name, interval)
        else:
            judgement.metrics[qualifier + name] = interval.value


def generation_table(found: Mapping[str, Numbers], *, count: int) -> Table:
    """Put generated beside real.

    Parameters
    ----------
    found
        Numbers by the extractor of their features; "" for those of pixels.
    count
        Images on each side.
    """
    rows: list[Row] = []
    for extractor, numbers in found.items():
        rows += [
            _row(numbers, name, real, extractor) for name, real in _REAL.items() if name in numbers
        ]
        rows += [
            {"measure": ratio, "features": extractor, **_ends("generated", numbers[ratio])}
            for ratio in _RATIOS.values()
            if ratio in numbers
        ]
    return Table(
        "Generated slices beside real ones",
        f"{count} generated slices, and as many real training slices in their place, against as "
        "many slices of test subjects. From low to high is the 95 % interval over subjects, where "
        "one can be told; for recall and coverage it is over test subjects, given the generated "
        "slices. Numbers of different features must not be compared.",
        _COLUMNS,
        rows,
    )


def _row(numbers: Numbers, name: str, real: str, extractor: str) -> Row:
    return {
        "measure": name,
        "features": extractor or "pixels",
        **_ends("generated", numbers[name]),
        **(_ends("real", numbers[real]) if real in numbers else {}),
    }


def _ends(side: str, interval: Interval) -> dict[str, float | None]:
    return {side: interval.value, f"{side}_low": interval.low, f"{side}_high": interval.high}
