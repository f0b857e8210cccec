"""What generated slices are worth to a classifier."""

from mrigen.evaluation.catalogue.metric import Metric

METRICS: tuple[Metric, ...] = ()
