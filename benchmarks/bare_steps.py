"""One update of every kind of training, written out by hand with nothing but torch.

They are what `training.py` holds mrigen's loop against: no objective, no phases, no loss terms for
the curves, no watch on the loss.
"""

from collections.abc import Callable

import torch
from studied import Study
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as entropy
from torch.nn.functional import mse_loss

Step = Callable[[], None]


def make_step(
    study: Study, network: nn.Module, images: Tensor, autocast: Callable[[], torch.autocast]
) -> Step:
    """Return a function that makes one update of `network`."""
    make = {
        "reconstruction": restoring_step,
        "variational": variational_step,
        "quantized": quantized_step,
        "adversarial": adversarial_step,
    }
    return make[study.objective["name"]](study, network.train(), images, autocast)


def make_optimizer(study: Study, module: nn.Module) -> torch.optim.Optimizer:
    if study.optimizer == "rmsprop":
        weights = module.parameters()
        return torch.optim.RMSprop(weights, study.learning_rate, 0.9, 1e-7, foreach=True)
    return torch.optim.Adam(module.parameters(), study.learning_rate, eps=1e-7, fused=True)


def descend(loss: Tensor, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def restoring_step(study: Study, network: nn.Module, images: Tensor, autocast: Callable) -> Step:
    optimizer = make_optimizer(study, network)

    def step() -> None:
        with autocast():
            answer = network(images)
        descend(mse_loss(answer.float(), images), optimizer)

    return step


def variational_step(study: Study, network: nn.Module, images: Tensor, autocast: Callable) -> Step:
    optimizer = make_optimizer(study, network)
    weight = images[0].numel() / (2 * study.objective["noise_std"] ** 2)

    def step() -> None:
        with autocast():
            answer, posterior = network(images)
        mean, log_variance = posterior.mean.float(), posterior.log_variance.float()
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()
        descend(weight * mse_loss(answer.float(), images) + divergence, optimizer)

    return step


def quantized_step(study: Study, network: nn.Module, images: Tensor, autocast: Callable) -> Step:
    optimizer = make_optimizer(study, network)

    def step() -> None:
        with autocast():
            answer, quantised = network(images)
        encoded, nearest = quantised.encoded, quantised.nearest
        distance = 0.25 * mse_loss(encoded, nearest.detach()) + mse_loss(nearest, encoded.detach())
        error = mse_loss(answer.float(), images)
        descend(error / study.objective["data_variance"] + distance, optimizer)

    return step


def adversarial_step(study: Study, network: nn.Module, images: Tensor, autocast: Callable) -> Step:
    generator, discriminator = network.generator, network.discriminator
    of_generator = make_optimizer(study, generator)
    of_discriminator = make_optimizer(study, discriminator)
    made, judging = list(generator.parameters()), list(discriminator.parameters())

    def step() -> None:
        with autocast():
            fakes = generator(torch.randn(len(images), 100))
            real = discriminator(images).float().sigmoid()
            shown = fakes.detach().requires_grad_()
            fake = discriminator(shown).float().sigmoid()
            ones, zeros = torch.ones_like(real), torch.zeros_like(real)
            loss = entropy(real, ones) + entropy(fake, zeros)
            (slope,) = torch.autograd.grad(entropy(fake, ones), shown, retain_graph=True)
        of_discriminator.zero_grad()
        loss.backward(inputs=judging)
        of_discriminator.step()
        of_generator.zero_grad()
        fakes.backward(slope, inputs=made)
        of_generator.step()

    return step
