"""Every model of every study: its published size, its first step, its place in the list."""

import json
import re
from pathlib import Path

import pytest
import torch

from mrigen.config import parse_config, read_yaml
from mrigen.data.corruptions.batches import Item, corrupt, draw
from mrigen.data.loader import Batch
from mrigen.models.build import build_network, count_parameters
from mrigen.objectives.build import build_objective
from mrigen.project import Params
from mrigen.training.config import TrainingConfig
from mrigen.training.loop import fit, start_state
from mrigen.training.runtime import choose_runtime
from mrigen.tuning.space import corners, parameters_of

FOLDER = Path(__file__).parents[1] / "studies"
STUDIES = ("tablado", "arnaiz", "lorente", "feliu")
PARAMS = {
    study: parse_config(Params, read_yaml(FOLDER / f"{study}.yaml"), source=study)
    for study in STUDIES
}
MODELS = [(study, name) for study, params in PARAMS.items() for name in params.models]

# What the authors' summaries and saved networks count, trainable and with the statistics of batch
# normalisation, by a pattern of names; Myronenko's is computed from the code.
PUBLISHED = {
    "tablado": {
        r"vae.*": {"encoder": (38_058_320, 38_061_104), "decoder": (21_292_369, 21_293_105)},
        r"vqvae_(study|subjects|\d+_epochs)": {"": (431_748, 432_838)},
    },
    "arnaiz": {
        r"shallow_clean": {"": (460_385, 462_273)},
        r"shallow_original_clean": {"": (460_257, 462_017)},
        r"shallow_(l2_clean|(l2_)?(mse|dssim)|residual_ae)": {"": (459_553, 460_609)},
        r"skip_cae.*": {"": (190_369, 191_041)},
        r"residual_unet.*": {"": (482_593, 483_649)},
        r"myronenko.*": {"": (989_345, 991_041)},
    },
    "lorente": {
        r".*_direct": {"": (31_030_593, 31_030_593)},
        r"(?!.*_direct).*": {"": (31_031_685, 31_031_685)},
    },
    "feliu": {
        rf"gan{depth}{ours}": {"generator": counts, "discriminator": judge}
        # Ours have no batch normalisation in the discriminator.
        for ours, judge in {"_.*": (282_497, 282_881), "": (282_113, 282_113)}.items()
        for depth, counts in {
            r"4": (20_072_001, 20_072_001),
            r"7": (21_096_577, 21_096_961),
            r"15": (8_092_929, 8_094_081),
        }.items()
    },
}
# Ours alone, with no published network.
OURS = {("tablado", "vqvae")}


def built_on(study, name):
    """The network's settings and the size of its images."""
    params = PARAMS[study]
    model = params.models[name]
    return model.network.model_dump_json(), params.datasets[model.dataset].size


# Entries that share a network, so that each is drawn once.
GROUPS: dict[tuple[str, int], list[tuple[str, str]]] = {}
for at in MODELS:
    GROUPS.setdefault(built_on(*at), []).append(at)


@pytest.mark.parametrize(("study", "name"), [at for at in MODELS if at not in OURS])
def test_has_the_published_number_of_parameters(study, name):
    (parts,) = [parts for pattern, parts in PUBLISHED[study].items() if re.fullmatch(pattern, name)]
    params = PARAMS[study]
    model = params.models[name]
    with torch.device("meta"):
        network = build_network(model.network, params.datasets[model.dataset].size)
    for part, counts in parts.items():
        assert count_parameters(network.get_submodule(part)) == counts, part


def images(size, recipe):
    """Two discs of noise, damaged as a study damages its first pass."""
    generator = torch.Generator().manual_seed(0)
    rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    inside = (rows - size / 2) ** 2 + (columns - size / 2) ** 2 < (size / 3) ** 2
    clean = inside * (0.3 + 0.5 * torch.rand(2, 1, size, size, generator=generator))
    index = torch.arange(2)
    drawn = () if recipe is None else draw(
        recipe, [Item(0, "train", 0, row) for row in index.tolist()], (size, size)
    )  # fmt: skip
    damaged, patch = corrupt(clean, drawn)
    return Batch(damaged, clean, patch, index)


@pytest.mark.parametrize("entries", GROUPS.values(), ids=lambda entries: "-".join(entries[0]))
def test_every_model_takes_its_first_step(entries):
    (first, *_) = entries
    size = built_on(*first)[1]
    torch.manual_seed(0)
    network = build_network(PARAMS[first[0]].models[first[1]].network, size)
    for study, name in entries:
        model = PARAMS[study].models[name]
        objective = build_objective(model.objective, network)
        # More steps where something learns in the last part of a training alone, such as a prior.
        count = 4 if any(phase.start > 0 for phase in objective.phases) else 1
        config = TrainingConfig.model_validate(
            model.training.model_dump() | {"epochs": 1, "batch_size": 2, "ema_decay": None}
        )
        state = start_state(objective, config, choose_runtime(device="cpu"))
        before = {phase.name: fingerprint(phase) for phase in objective.phases}
        steps = fit(
            state,
            [images(size, model.corruption)] * count,
            config,
            steps_per_epoch=count,
            runtime=choose_runtime(device="cpu"),
        )
        terms = list(steps)[-1].terms
        assert all(torch.isfinite(torch.tensor(value)) for value in terms.values()), name
        for phase in objective.phases:
            moved = fingerprint(phase) != before[phase.name]
            assert moved, f"{study}: {name}: {phase.name}"


def fingerprint(phase):
    """Some numbers of every tensor of a phase: a sum over 59 million would take longer."""
    return [parameter.detach().flatten()[:1000].tolist() for parameter in phase.parameters()]


@pytest.mark.parametrize("study", STUDIES)
def test_what_has_validation_slices_can_be_tuned(study):
    params = PARAMS[study]
    for name, model in params.models.items():
        split = params.datasets[model.dataset].split
        assert (model.search is not None) == (split.validation > 0), name
        if model.search is not None:
            baseline, why = parameters_of(model.section, model.search)
            assert baseline is not None, f"{name}: {why}"


@pytest.mark.parametrize("study", [*STUDIES, "params"])
def test_every_corner_of_a_search_can_be_built(study):
    params = PARAMS.get(study) or parse_config(
        Params, read_yaml(FOLDER.parent / "params.yaml"), source=study
    )
    built = set()
    for model in params.models.values():
        size = params.datasets[model.dataset].size
        for corner in corners(model.search) if model.search else []:
            network = model.with_parameters(corner).network
            if (key := (size, network.model_dump_json())) not in built:
                built.add(key)
                with torch.device("meta"):
                    build_network(network, size)
    assert built


def listed(study):
    """Names in the list of rows that the folder's README has for a study."""
    text = (FOLDER / "README.md").read_text()
    section = text.split(f"### `{study}.yaml`")[1].split("\n#")[0]
    return [name for row in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
            for name in re.findall(r"`(\w+)`", row)]  # fmt: skip


@pytest.mark.parametrize("study", STUDIES)
def test_the_readme_names_every_model_once(study):
    names = listed(study)
    assert len(names) == len(set(names))
    assert set(names) == set(PARAMS[study].models)


def test_no_two_entries_are_the_same():
    for study, params in PARAMS.items():
        settings = [
            json.dumps(model.model_dump(mode="json"), sort_keys=True)
            for model in params.models.values()
        ]
        assert len(settings) == len(set(settings)), study
