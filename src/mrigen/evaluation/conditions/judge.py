"""Judge whether a network that can be asked draws what it is asked for."""

from collections.abc import Mapping

from mrigen.evaluation.case import Case
from mrigen.evaluation.conditions.ageing import Ageing, draw_ages, find_problem
from mrigen.evaluation.conditions.figures import ageing_figure, area_figure, reading_figure
from mrigen.evaluation.conditions.growth_tables import area_table, growth_table
from mrigen.evaluation.conditions.obedience import judge_readings, read_back
from mrigen.evaluation.conditions.questions import Known, known_conditions
from mrigen.evaluation.conditions.real_heads import slices_near
from mrigen.evaluation.conditions.sheets import draw_sheets
from mrigen.evaluation.config import ConditionsConfig
from mrigen.evaluation.judgement import Judgement
from mrigen.evaluation.threads import one_thread
from mrigen.models.interfaces import Conditional
from mrigen.page.document import Picture

_SHOWN_SEEDS = 2

_PRIVATE = "It tells of single people: do not share it where the data may not be shared."


def judge_conditions(case: Case) -> Judgement:
    """Judge the samplers that list conditions."""
    settings, network = case.config.conditions, case.network
    if settings is None or case.sampler is None or not isinstance(network, Conditional):
        return Judgement()
    known = known_conditions(network.conditions, case.store)
    unknown = [one.name for one in network.conditions if one.name not in known]
    judgement = Judgement(
        remarks=[
            f"'{name}' was not asked for: it is known of no training slice within the network's "
            "range."
            for name in unknown
        ]
    )
    if not known:
        return judgement
    with one_thread():
        judgement.pictures |= draw_sheets(case, settings, known)
        judgement.add(_read(case, settings, known))
        judgement.add(_age(case, settings, known))
    return judgement


def _read(case: Case, settings: ConditionsConfig, known: Mapping[str, Known]) -> Judgement:
    readings, remarks = read_back(case, settings, known)
    judgement = judge_readings(readings, seed=case.seed)
    judgement.remarks += remarks
    if readings:
        judgement.pictures["conditions_read"] = Picture(
            "What was asked, and what readers see",
            "Above, a point is a generated slice: along what was asked for, upwards what a reader "
            "sees that learned from real training slices. Below, the same of real test slices, "
            "along what is known of them. The upper cloud should look like the lower one, not "
            "like the dashed line of what is the same. For choices: of the slices of each column, "
            "the shares that are read as each line.",
            reading_figure(readings),
        )
    return judgement


def _age(case: Case, settings: ConditionsConfig, known: Mapping[str, Known]) -> Judgement:
    problem = find_problem(case, settings, known)
    if problem is not None:
        sentence = f"How ventricles grow with the age asked for was not measured: {problem}."
        return Judgement(remarks=[sentence])
    ageing = draw_ages(case, settings, known)
    judgement = Judgement(pictures={"conditions_ageing": _strips(case, known, ageing)})
    if ageing.too_grainy:
        judgement.remarks.append(
            "How ventricles grow with the age asked for was not measured: the generated slices "
            f"are so grainy ({ageing.graininess:.3f} of white matter, real ones "
            f"{ageing.usual_graininess:.3f}) that dark pixels in them may be noise."
        )
        return judgement
    judgement.metrics["ventricle_growth"] = ageing.growth(seed=case.seed).value
    judgement.metrics["ventricle_growth_of_real"] = ageing.everybody.growth(seed=case.seed).value
    judgement.put("ventricle_growing_share", ageing.growing_share(seed=case.seed))
    judgement.tables["ventricle_growth"] = growth_table(ageing, seed=case.seed)
    judgement.tables["ventricle_areas"] = area_table(ageing, seed=case.seed)
    judgement.pictures["ventricle_areas"] = Picture(
        "Ventricles over age",
        "Left, the area of the ventricles of heads that were drawn from the same seeds at every "
        "age; the thick line is their mean. Right, of real people: they differ more, since every "
        f"point is another person. {_PRIVATE}",
        area_figure(ageing, seed=case.seed),
    )
    return judgement


def _strips(case: Case, known: Mapping[str, Known], ageing: Ageing) -> Picture:
    middle = len(ageing.positions) // 2
    position = float(ageing.positions[middle])
    rows = slices_near(case, known, ageing.ages, position=position)
    return Picture(
        f"The same heads from {ageing.ages[0]:.0f} to {ageing.ages[-1]:.0f} years",
        f"Slices at {position:.0f} mm, a line a seed and a column the age that was asked for; "
        "outlined is what is measured as ventricles. Below each line its absolute difference to "
        "the youngest, white from 0.25. Last, real training slices near that place, of different "
        f"people of about these ages. {_PRIVATE}",
        ageing_figure(
            ageing.images[:_SHOWN_SEEDS, :, middle],
            case.images(rows),
            ages=ageing.ages.tolist(),
            real_ages=known["age"].values[rows].tolist(),
        ),
    )
