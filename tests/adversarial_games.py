"""Small adversarial pairs, every loss as it is meant to be used, and a look at what they see."""

from typing import Any

import torch
from pydantic import TypeAdapter

from mrigen.data.loader import Batch
from mrigen.models.build import NetworkConfig, build_network
from mrigen.objectives.adversarial import Adversarial, AdversarialConfig
from mrigen.training.config import TrainingConfig
from mrigen.training.loop import fit, start_state
from mrigen.training.runtime import choose_runtime
from mrigen.training.state import TrainState

CPU = choose_runtime(device="cpu")
GAN = {"name": "feliu_gan", "latent_size": 4, "base_channels": 4, "discriminator_channels": 4}
PLAIN = GAN | {"normalisation": "none"}
EVERYTHING = ["brightness", "contrast", "translation", "cutout"]

# Every loss as it is meant to be used.
GAMES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "saturating_double_sigmoid": (GAN, {}),
    "non_saturating": (GAN, {"r1_weight": 0.1, "diff_augment": EVERYTHING}),
    "hinge": (GAN | {"normalisation": "spectral"}, {}),
    "wasserstein": (PLAIN, {"gradient_penalty": 10, "critic_steps": 3}),
    "relativistic": (PLAIN, {"r1_weight": 0.1, "r2_weight": 0.1}),
}


def bind(network: dict[str, Any], **config: Any) -> Adversarial:
    torch.manual_seed(0)
    built = build_network(TypeAdapter(NetworkConfig).validate_python(network), 16)
    return Adversarial(built, AdversarialConfig(name="adversarial", **config))


def play(loss: str) -> Adversarial:
    network, config = GAMES[loss]
    return bind(network, loss=loss, **config)


def batch(count: int = 8, label: torch.Tensor | None = None, seed: int = 1) -> Batch:
    target = torch.rand(count, 1, 16, 16, generator=torch.Generator().manual_seed(seed))
    patch = torch.zeros_like(target, dtype=torch.bool)
    return Batch(target, target, patch, torch.arange(count), label)


def step(state: TrainState, given: Batch, **config: Any) -> dict[str, float]:
    training = TrainingConfig(epochs=state.step + 1, batch_size=8, **config)
    (point,) = fit(state, iter([given]), training, steps_per_epoch=1, runtime=CPU)
    return point.terms


def start(objective: Adversarial, **config: Any) -> TrainState:
    return start_state(objective, TrainingConfig(batch_size=8, **config), CPU)


def generated(objective: Adversarial) -> list[torch.Tensor]:
    """Keep what the generator answers from now on."""
    answers: list[torch.Tensor] = []
    objective.network.generator.register_forward_hook(lambda *each: answers.append(each[2]))
    return answers


def judged(objective: Adversarial) -> list[torch.Tensor]:
    """Keep what the discriminator is asked about from now on."""
    questions: list[torch.Tensor] = []
    objective.network.discriminator.register_forward_pre_hook(
        lambda _, arguments: questions.append(arguments[0])
    )
    return questions
