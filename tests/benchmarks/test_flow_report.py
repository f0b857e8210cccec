from flow_report import ratios
from flow_results import Result
from flow_table import Row

from mrigen.metrics.intervals import Interval


def row(name, distance, **failed):
    names = ("frechet_distance", "kernel_distance", "recall", "coverage")
    numbers = dict.fromkeys(names, Interval(distance)) if not failed else {}
    return Row(name, "", Result(name, "id", {}, {}, None, **failed), numbers)


def test_flow_is_held_against_those_that_were_measured_and_no_others():
    rows = [row("flow", 10), row("vae", 40), row("gan4", 0, failure="diverged"), row("gan7", 20)]
    (found,) = ratios(rows, ("monai_ldm",))
    assert (found.label, found.against, found.standing.best) == ("flow", "vae, gan7", "gan7")


def test_generators_of_the_study_are_a_field_of_their_own():
    rows = [
        row(name, distance) for name, distance in (("flow", 10), ("gan7", 20), ("feliu_gan7", 90))
    ]
    assert [found.standing.best for found in ratios(rows, ())] == ["gan7", "feliu_gan7"]
