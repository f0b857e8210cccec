"""What `flow_comparison.py` lets compete: entries of the demo and of a study, and further ones."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mrigen.config import parse_config, read_yaml
from mrigen.model_config import ModelConfig, check_model

REPOSITORY = Path(__file__).resolve().parent.parent

#: What `flow` is measured against; their entries are those of the demo.
RIVALS = ("vae", "gan4", "gan7", "gan15")

#: Feliu's three as the study most likely trained them, with none of the demo's cures: wide
#: networks, batch normalisation, simultaneous steps, and batches of 256.
STUDIED = {
    "feliu_gan4": "gan4_50k_100_once",
    "feliu_gan7": "gan7_30k_100_once",
    "feliu_gan15": "gan15_50k_100_once",
}

#: A generator of one step with the loss and the penalties of R3GAN (Huang et al. 2024,
#: doi:10.48550/arXiv.2501.05441), which holds that nothing else is needed: no normalisation of the
#: discriminator, and no momentum in either optimiser; rates fall, as there. The networks are those
#: of gan7, which learned most of the three in these seconds; the paper's own are larger than two
#: cores can train. Its averages and the choice among them are as careful as those of `flow`.
R3GAN: dict[str, Any] = {
    "network": {
        "name": "feliu_gan",
        "depth": 7,
        "base_channels": 16,
        "discriminator_channels": 16,
        "normalisation": "none",
    },
    "objective": {
        "name": "adversarial",
        "loss": "relativistic",
        "r1_weight": 1.0,
        "r2_weight": 1.0,
    },
    "training": {
        "batch_size": 16,
        "learning_rate": 5.0e-4,
        "betas": [0.0, 0.99],
        "schedule": "cosine",
        "ema_half_lives": [0.01, 0.04],
        "keep": "best",
        "judged_by": "kernel_distance",
        "looks": {"every": 10, "start": 0.8, "samples": 192, "slices": 256},
    },
}

# Where an entry is trained and how it is judged are the comparison's to say.
_TRAINED = ("network", "objective", "training")


def contenders(dataset: str, *, flow: Path | None, seed: int) -> dict[str, ModelConfig]:
    """Return what competes, by name.

    That is `flow`, the rivals, the study's own, `r3gan`, and whatever a file adds.

    Parameters
    ----------
    dataset
        What they learn from.
    flow
        A file with an entry for `flow` (the keys network, objective and training), or with
        several entries by name, as under `models:`; they come before those of the demo.
    seed
        Of every training.

    Raises
    ------
    ConfigError
        If a file or an entry is not what is expected.
    """
    demo = read_yaml(REPOSITORY / "params.yaml")["models"]
    entries: dict[str, Any] = {name: demo[name] for name in ("flow", *RIVALS) if name in demo}
    study = read_yaml(REPOSITORY / "studies" / "feliu.yaml")["models"]
    entries |= {name: study[published] for name, published in STUDIED.items()}
    entries["r3gan"] = R3GAN
    entries |= named_entries(read_yaml(flow)) if flow else {}
    return {name: entry_config(name, entry, dataset, seed) for name, entry in entries.items()}


def named_entries(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return entries by name, of a file that holds one without a name, for `flow`, or several.

    Examples
    --------
    >>> named_entries({"network": {}, "objective": {}})
    {'flow': {'network': {}, 'objective': {}}}
    >>> named_entries({"flow_wide": {"network": {}}})
    {'flow_wide': {'network': {}}}
    """
    return {"flow": dict(values)} if "network" in values else dict(values)


def entry_config(name: str, entry: Mapping[str, Any], dataset: str, seed: int) -> ModelConfig:
    """Return an entry with the comparison's dataset and seed, and clean slices to learn from.

    Raises
    ------
    ConfigError
        If the entry does not hold what is expected.
    """
    trained = {key: entry[key] for key in _TRAINED if key in entry}
    trained["training"] = {**trained.get("training", {}), "seed": seed}
    section = {"dataset": dataset, "corruption": None, "evaluation": {}, "gate": {}} | trained
    config = parse_config(ModelConfig, section, source=f"the entry of '{name}'")
    check_model(name, config)
    return config


def with_epochs(config: ModelConfig, epochs: int) -> ModelConfig:
    """Return an entry that trains for so many epochs."""
    training = config.training.model_copy(update={"epochs": epochs})
    return config.model_copy(update={"training": training})
