"""What a model card says of the data behind a model."""

from collections.abc import Mapping

from mrigen.data.store.slice_store import SliceStore
from mrigen.evaluation.report.card import CardSection
from mrigen.evaluation.report.entries import DatasetEntry
from mrigen.project import Project
from mrigen.stages.cohort import dataset_entry, read_object
from mrigen.stages.fetch import ATTRIBUTION

NOT_DECLARED = "not declared"
_DECATHLON = "dataset.json"  # of the Medical Segmentation Decathlon; it has a licence


def training_data(project: Project, model: str, card: Mapping[str, object]) -> CardSection:
    """Say what a model was trained on, as far as the dataset at hand is that one."""
    name = project.model_config(model).dataset
    if "origin" in card:
        lines = ["It was trained elsewhere; on what is not recorded here."]
        return CardSection("Training data", {"Origin": str(card["origin"])}, lines)
    facts = {"Dataset": name, "Licence of the data": _data_licence(project, name)}
    lines = []
    entry = _dataset(project, name)
    if entry is None:
        lines.append("The dataset is not at hand.")
    elif card.get("data_fingerprint") != SliceStore(project.processed(name)).fingerprint:
        lines.append("The dataset at hand is not the one it was trained on.")
    else:
        subjects, slices = entry.splits["train"]
        facts |= {"Trained on": f"{slices:,} slices of {subjects:,} subjects", **entry.facts}
    facts["Fingerprint"] = str(card.get("data_fingerprint"))
    facts["Split"] = str(card.get("split", "unknown"))
    facts["DVC hash of the raw data"] = str(card.get("dvc_data") or "unknown")
    if card.get("synthetic_data"):
        lines.append("The data are synthetic: computed volumes, not people.")
    return CardSection("Training data", facts, lines)


def _dataset(project: Project, name: str) -> DatasetEntry | None:
    path = project.processed(name)
    return dataset_entry(name, SliceStore(path)) if path.is_dir() else None


def evaluation_data(project: Project, model: str) -> CardSection:
    """Say on what a model was judged."""
    name = project.model_config(model).dataset
    facts, entry = {"Dataset": name}, _dataset(project, name)
    if entry is not None:
        subjects, slices = entry.splits["test"]
        facts["Test split"] = f"{slices:,} slices of {subjects:,} subjects"
    return CardSection(
        "Evaluation data",
        facts,
        ["Intervals are of 95 %, over test subjects: how much a number depends on who was tested."],
    )


def _data_licence(project: Project, dataset: str) -> str:
    source = project.params.sources[project.dataset_config(dataset).source]
    if source.licence is not None:
        return source.licence
    folder = project.root / source.path
    if (folder / ATTRIBUTION).exists():
        for line in (folder / ATTRIBUTION).read_text(encoding="utf-8").splitlines():
            if line.startswith("Licence:"):
                return line.partition(":")[2].strip()
    if (folder / _DECATHLON).exists():
        return str(read_object(folder / _DECATHLON).get("licence") or NOT_DECLARED)
    return NOT_DECLARED
