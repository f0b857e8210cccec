"""The card of a trained and evaluated model, written from what its run left behind."""

import json
from collections.abc import Mapping, Sequence
from importlib.metadata import metadata

import torch

from mrigen.bundle import BundleConfig, bundle_digest, read_card, read_config
from mrigen.evaluation.catalogue.listing import find_metric, ordered
from mrigen.evaluation.contents import read_contents, section_title
from mrigen.evaluation.report.card import Card, CardSection
from mrigen.evaluation.report.short import copying_verdict, in_short
from mrigen.evaluation.report.spoken import spoken_interval, spoken_value
from mrigen.models.build import build_network, count_parameters
from mrigen.models.condition_values import described
from mrigen.models.interfaces import Conditional, Quick
from mrigen.project import Project
from mrigen.stages.card_data import NOT_DECLARED, evaluation_data, training_data
from mrigen.stages.card_words import CARDS, NETWORKS, NOT_FOR, REFERENCES, USES
from mrigen.stages.cohort import read_object

#: Name of the file, and how much of it MLflow takes for a description.
MODEL_CARD, DESCRIPTION_LENGTH = "model_card.md", 4900


def model_card(project: Project, model: str, metrics: Mapping[str, float]) -> Card:
    """Write the card of a model.

    Parameters
    ----------
    project
        The project folder.
    model
        A name under `models:` with a bundle and an evaluation of it.
    metrics
        Of the evaluation.

    Raises
    ------
    DataError, ModelError
        If a file of the bundle, of its data or of its evaluation is damaged.
    """
    path = project.bundle(model)
    config, card = read_config(path), read_card(path)
    refusals = gate_refusals(project, model, metrics)
    return Card(
        f"Model card of {model}",
        [
            _details(config, card, bundle_digest(path)),
            CardSection("Intended use", lines=[*USES, *NOT_FOR]),
            training_data(project, model, card),
            evaluation_data(project, model),
            CardSection("In short", lines=in_short(metrics, refusals)),
            _numbers(metrics),
            _copying(metrics),
            _limits(project, model, card),
            _costs(project, model),
            _again(project, model, card),
            _references(config, card),
            _parameters(card),
        ],
    )


def gate_refusals(
    project: Project, model: str, metrics: Mapping[str, float]
) -> Sequence[str] | None:
    """Return which bounds a model does not meet; None where nothing is asked of it."""
    gate = project.model_config(model).gate
    refusals = gate.refusals(metrics)
    return refusals if gate.root or refusals else None


def _details(config: BundleConfig, card: Mapping[str, object], digest: str) -> CardSection:
    with torch.device("meta"):  # shapes are enough to count
        network = build_network(config.network, config.image_size)
    trainable, _ = count_parameters(network)
    conditions = network.conditions if isinstance(network, Conditional) else ()
    name = config.network.name
    facts = {
        "Network": f"{name}, a {NETWORKS.get(name, 'network')}",
        "Objective": _param(card, "objective") or str(card.get("origin", "unknown")),
        "Images": f"{config.image_size} x {config.image_size} pixels, grey, from 0 to 1",
        "Trainable parameters": f"{trainable:,}",
        **({"Conditions": "; ".join(map(described, conditions))} if conditions else {}),
        **({"Quick mode": "yes"} if isinstance(network, Quick) else {}),
        **_kept(card),
        "mrigen": str(card.get("mrigen_version", "unknown")),
        "Bundle": digest,
        "Licence of the code": str(metadata("mrigen").json.get("license_expression", NOT_DECLARED)),
        "Licence of the weights": str(card.get("licence", f"{NOT_DECLARED}; see the data's")),
    }
    return CardSection("Model details", facts)


def _kept(card: Mapping[str, object]) -> dict[str, str]:
    half_life, distance = card.get("kept_half_life"), card.get("kept_kernel_distance")
    words = [f"those of epoch {card.get('kept_epoch')}"]
    if half_life is not None:
        words.append(f"an average of half-life {half_life}")
    if isinstance(distance, int | float):
        words.append(f"the best of those looked at, kernel distance {distance:.4g} on validation")
    return {"Weights": ", ".join(words)} if len(words) > 1 else {}


def _numbers(metrics: Mapping[str, float]) -> CardSection:
    rows = []
    for key in ordered(metrics):
        metric = find_metric(key)
        if metric is not None and metric.better and metric.name == key:
            direction = f"{metric.better} is better"
            interval = spoken_interval(key, metrics)
            rows.append([metric.label, spoken_value(key, metrics[key]), interval, direction])
    return CardSection("Metrics", header=("Number", "Value", "95 % interval", ""), rows=rows)


def _copying(metrics: Mapping[str, float]) -> CardSection:
    verdict = copying_verdict(metrics)
    return CardSection(
        "Copies of training data",
        lines=[verdict or "It was not searched for copies of training slices."],
    )


def _limits(project: Project, model: str, card: Mapping[str, object]) -> CardSection:
    warnings = card.get("warnings")
    lines = [str(warning) for warning in warnings] if isinstance(warnings, list) else []
    contents = read_contents(project.evaluation(model))
    for name, section in contents.items():
        lines += [f"{section_title(name)}: {remark}" for remark in section.remarks]
    return CardSection(
        "Limits",
        lines=[
            *lines,
            "It has seen the subjects above alone: what is rare or missing among their ages, "
            "sexes, sites and disorders it has not learnt.",
            "Of neighbouring slices the roughness alone is judged: nothing else says that they fit."
            if "stacks" in contents and contents["stacks"].tables
            else "Slices are judged one by one: nothing here says that neighbouring slices fit.",
        ],
    )


def _costs(project: Project, model: str) -> CardSection:
    path = project.model_folder(model) / "timing.json"
    timing = read_object(path) if path.exists() else {}
    if timing.get("bundle") != bundle_digest(project.bundle(model)):
        return CardSection("Hardware and energy", lines=["Not recorded: it was trained elsewhere."])
    joules = timing.get("joules")
    energy = str(timing.get("energy_source", "not recorded"))
    if isinstance(joules, int | float):
        watts = timing.get("mean_watts")
        energy = f"{joules / 3.6e6:.4g} kWh, {watts:.0f} W on average, of {energy}"
    looks = timing.get("look_seconds")
    looked = {"Looks at its images": f"{looks:,.0f} s"} if isinstance(looks, int | float) else {}
    return CardSection(
        "Hardware and energy",
        {
            "Hardware": str(timing.get("device")),
            "Precision": str(timing.get("precision")),
            "Training time": f"{float(str(timing.get('seconds'))):,.0f} s",
            **looked,
            "Peak memory": f"{float(str(timing.get('peak_memory_gib', 0))):.2f} GiB",
            "Energy": energy,
        },
    )


def _again(project: Project, model: str, card: Mapping[str, object]) -> CardSection:
    if "origin" in card:
        facts = {"File": str(card.get("file")), "SHA-256": str(card.get("sha256"))}
        return CardSection("How to reproduce it", facts)
    commit = str(card.get("git_commit") or "unknown")
    lines = []
    if commit.endswith("-dirty"):
        lines.append("The code had changes that were not committed.")
    dataset = project.model_config(model).dataset
    code = f"git checkout {commit.removesuffix('-dirty')}\nmrigen index\nmrigen slices {dataset}\n"
    code += f"mrigen train {model}\nmrigen evaluate {model}"
    return CardSection("How to reproduce it", {"Commit": commit}, lines, code=code)


def _parameters(card: Mapping[str, object]) -> CardSection:
    params = json.dumps(card.get("params", {}), indent=1, sort_keys=True)
    return CardSection("Parameters", code=params)


def _references(config: BundleConfig, card: Mapping[str, object]) -> CardSection:
    names = (config.network.name, _param(card, "objective"))
    found: list[str] = [line for name in names for line in REFERENCES.get(name, ())]
    return CardSection("References", lines=[*dict.fromkeys(found), CARDS])


def _param(card: Mapping[str, object], block: str) -> str:
    params = card.get("params")
    values = params.get(block) if isinstance(params, Mapping) else None
    return str(values.get("name", "")) if isinstance(values, Mapping) else ""
