"""Whether lesions are found."""

from mrigen.evaluation.catalogue.metric import Metric

METRICS: tuple[Metric, ...] = ()
