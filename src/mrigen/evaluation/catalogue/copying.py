"""Whether generated slices are copies."""

from mrigen.evaluation.catalogue.metric import Metric

METRICS: tuple[Metric, ...] = ()
