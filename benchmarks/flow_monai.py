"""MONAI's two-dimensional latent diffusion as a contender of `flow_comparison.py`.

The recipe is that of MONAI's tutorial on 2-D latent diffusion, which is for slices of 64 pixels,
too: an autoencoder with L1, a little divergence and, after a tenth of its training, a patch
discriminator; then a diffusion model of 1,000 steps on its latents, scaled to a variance of 1. What
differs, so that it gets somewhere on two cores:

- Networks are a quarter as wide, with as many channels in a group, and learn at four times the
  rate; batches hold 16 slices, not 64, so that there are four times the updates.
- Of the perceptual term, whose weights are not to be had without a network, nothing is left.
- Latents are encoded once, since slices are not moved about: the diffusion model has all of the
  rest of the seconds for itself.
- Images are drawn in 50 steps of DDIM, whose latents are not clipped, in place of 1,000.

The seconds are shared as the tutorial's own: 55 minutes for the autoencoder, 80 for the diffusion.
"""

from collections.abc import Iterator
from typing import Any

import torch
from flow_training import Bench, Trained, drawing
from monai.inferers import LatentDiffusionInferer
from monai.losses import PatchAdversarialLoss
from monai.networks.nets import AutoencoderKL, DiffusionModelUNet, PatchDiscriminator
from monai.networks.schedulers import DDIMScheduler, DDPMScheduler
from torch import Tensor, nn
from torch.nn.functional import l1_loss, mse_loss

from mrigen.data.loader import TRAIN, SliceDataset, ordered_batches, training_batches
from mrigen.seeds import torch_seed

RECIPE: dict[str, Any] = {
    "batch_size": 16,
    "latent_channels": 3,
    "autoencoder": {
        "channels": [32, 32, 64],
        "num_res_blocks": 2,
        "norm_num_groups": 8,
        "attention_levels": [False, False, False],
        "with_encoder_nonlocal_attn": False,
        "with_decoder_nonlocal_attn": False,
    },
    "discriminator": {"channels": 16, "num_layers_d": 3},
    "diffusion": {
        "channels": [32, 64, 128],
        "num_res_blocks": 2,
        "norm_num_groups": 8,
        "attention_levels": [False, True, True],
        "num_head_channels": [0, 64, 128],
    },
    "noise": {"schedule": "linear_beta", "beta_start": 0.0015, "beta_end": 0.0195},
    "timesteps": 1000,
    "drawn_steps": 50,
    "autoencoder_share": 55 / 135,
    "without_discriminator": 0.1,
    "kl_weight": 1e-6,
    "adversarial_weight": 0.01,
    "learning_rates": {"autoencoder": 4e-4, "discriminator": 5e-4, "diffusion": 4e-4},
}


class LatentDiffusion(nn.Module):
    """An autoencoder and a diffusion model of its latents, as a sampler of mrigen.

    Parameters
    ----------
    size
        Height and width of the images in pixels.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        channels = RECIPE["latent_channels"]
        halvings = len(RECIPE["autoencoder"]["channels"]) - 1
        self.noise_shape = (channels, size >> halvings, size >> halvings)
        self.autoencoder = AutoencoderKL(
            2, in_channels=1, out_channels=1, latent_channels=channels, **RECIPE["autoencoder"]
        )
        self.diffusion = DiffusionModelUNet(
            2, in_channels=channels, out_channels=channels, **RECIPE["diffusion"]
        )
        self.register_buffer("scale", torch.ones(()))
        self.scale: Tensor

    def sample(self, noise: Tensor, conditions: object = None) -> Tensor:  # noqa: ARG002
        """Turn (N, *noise_shape) into (N, 1, H, W) images in [0, 1]."""
        scheduler = DDIMScheduler(RECIPE["timesteps"], clip_sample=False, **RECIPE["noise"])
        scheduler.set_timesteps(RECIPE["drawn_steps"])
        images: Tensor = LatentDiffusionInferer(scheduler, float(self.scale)).sample(
            noise, self.autoencoder, self.diffusion, scheduler, verbose=False
        )
        return images.float().clamp(0, 1)


def train(bench: Bench) -> Trained:
    """Train one after the other until the seconds are over."""
    torch.manual_seed(torch_seed(bench.seed, "initialise"))
    start = bench.budget.now()
    model = LatentDiffusion(bench.store.size)
    model.to(bench.runtime.device, memory_format=torch.channels_last)
    first = start + RECIPE["autoencoder_share"] * bench.budget.seconds
    updates = _train_autoencoder(bench, model.autoencoder.train(), start, first)
    model.requires_grad_(requires_grad=False).eval()
    later = _train_diffusion(bench, model, start + bench.budget.seconds)
    seconds, batch = bench.budget.now() - start, RECIPE["batch_size"]
    model.eval()
    return Trained(
        seconds,
        (updates + later) * batch,
        sum(parameter.numel() for parameter in model.parameters()),
        {"": drawing(bench, model)},
        {"autoencoder_images": updates * batch, "diffusion_images": later * batch},
    )


def _batches(bench: Bench) -> Iterator[Tensor]:
    slices = SliceDataset(bench.store, TRAIN, corruption=None, seed=bench.seed)
    device = bench.runtime.device
    for batch in training_batches(slices, batch_size=RECIPE["batch_size"], device=device):
        yield batch.target


def _train_autoencoder(bench: Bench, autoencoder: nn.Module, start: float, end: float) -> int:
    judge = PatchDiscriminator(2, in_channels=1, out_channels=1, **RECIPE["discriminator"])
    judge.to(bench.runtime.device, memory_format=torch.channels_last)
    rates, fools = RECIPE["learning_rates"], PatchAdversarialLoss(criterion="least_squares")
    optimizer = torch.optim.Adam(autoencoder.parameters(), rates["autoencoder"], fused=True)
    of_judge = torch.optim.Adam(judge.parameters(), rates["discriminator"], fused=True)
    judged_from = start + RECIPE["without_discriminator"] * (end - start)
    updates = 0
    for images in _batches(bench):
        judged = bench.budget.now() > judged_from
        with bench.runtime.autocast():
            answer, mean, deviation = autoencoder(images)
            loss = l1_loss(answer.float(), images)
            loss = loss + RECIPE["kl_weight"] * _divergence(mean.float(), deviation.float())
            if judged:
                verdict = fools(judge(answer)[-1], target_is_real=True, for_discriminator=False)
                loss = loss + RECIPE["adversarial_weight"] * verdict
        _descend(loss, optimizer)
        if judged:
            with bench.runtime.autocast():
                fake = fools(
                    judge(answer.detach())[-1], target_is_real=False, for_discriminator=True
                )
                real = fools(judge(images)[-1], target_is_real=True, for_discriminator=True)
            _descend((fake + real) / 2, of_judge)
        updates += 1
        if bench.budget.now() >= end:
            break
    return updates


def _train_diffusion(bench: Bench, model: LatentDiffusion, end: float) -> int:
    mean, deviation = _encoded(bench, model)
    model.scale.fill_(1 / (mean + deviation * torch.randn_like(mean)).std())
    scheduler = DDPMScheduler(RECIPE["timesteps"], **RECIPE["noise"])
    diffusion = model.diffusion.requires_grad_(requires_grad=True).train()
    rate = RECIPE["learning_rates"]["diffusion"]
    optimizer = torch.optim.Adam(diffusion.parameters(), rate, fused=True)
    updates = 0
    while not updates or bench.budget.now() < end:
        rows = torch.randint(len(mean), (RECIPE["batch_size"],), device=mean.device)
        latents = (mean[rows] + deviation[rows] * torch.randn_like(mean[rows])) * model.scale
        noise = torch.randn_like(latents)
        times = torch.randint(RECIPE["timesteps"], (len(rows),), device=mean.device)
        noisy = scheduler.add_noise(original_samples=latents, noise=noise, timesteps=times)
        with bench.runtime.autocast():
            expected = diffusion(noisy, timesteps=times)
        _descend(mse_loss(expected.float(), noise), optimizer)
        updates += 1
    return updates


@torch.no_grad()
def _encoded(bench: Bench, model: LatentDiffusion) -> tuple[Tensor, Tensor]:
    """Return mean and deviation of the latents of all training slices."""
    device = bench.runtime.device
    slices = SliceDataset(bench.store, TRAIN, corruption=None, seed=bench.seed)
    found = [
        model.autoencoder.encode(batch.target)
        for batch in ordered_batches(slices, batch_size=64, device=device)
    ]
    return torch.cat([mean for mean, _ in found]), torch.cat([wide for _, wide in found])


def _divergence(mean: Tensor, deviation: Tensor) -> Tensor:
    """Return the divergence from a standard normal, summed over an image's latents."""
    variance = deviation.square()
    return 0.5 * (mean.square() + variance - variance.log() - 1).sum((1, 2, 3)).mean()


def _descend(loss: Tensor, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
