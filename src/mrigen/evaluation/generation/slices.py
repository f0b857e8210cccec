"""How near generated slices come to each real test slice: what can be paired between models."""

import numpy as np

from mrigen.evaluation.generation.sets import Sets, Three
from mrigen.evaluation.judgement import Judgement, Table
from mrigen.metrics.intervals import mean_interval
from mrigen.metrics.memorisation import nearest


def judge_slices(features: Three, sets: Sets) -> Judgement:
    """Measure the distance of each real test slice to the nearest generated one.

    Distances between sets are one number for a model and cannot be paired. This one is low only
    if the model draws something like every test slice; real training slices say how low it gets.
    """
    judgement = Judgement()
    rows, subjects = sets.test, sets.case.subjects(sets.test)
    made = nearest(features.test, features.generated).distances
    real = nearest(features.test, features.train).distances
    judgement.put("nearest_distance", mean_interval(made, subjects, seed=sets.case.seed))
    judgement.metrics["nearest_distance_of_real"] = float(np.mean(real))
    judgement.tables["generation_slices"] = Table(
        "Distance of every test slice to generated ones",
        "By its row in the dataset's manifest: the distance, between features, from a real test "
        "slice to the nearest generated one.",
        ["row", "subject", "nearest_distance"],
        [
            {"row": int(row), "subject": str(subject), "nearest_distance": float(distance)}
            for row, subject, distance in zip(rows, subjects, made, strict=True)
        ],
    )
    return judgement
