"""What a look at an installation and a project finds, and what to mend."""

from mrigen.stages.doctor.examination import examine
from mrigen.stages.doctor.finding import Finding, Question

__all__ = ["Finding", "Question", "examine"]
