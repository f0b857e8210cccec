"""The network of `flow_latent.py`: an autoencoder with a grid of latents, and a flow over them."""

from collections.abc import Iterator
from copy import deepcopy

import torch
from torch import Tensor, nn

from mrigen.models.flow.config import FlowConfig
from mrigen.models.flow.flow import Flow
from mrigen.models.flow.velocity_unet import VelocityUNet

SCALE = 4  # pixels along a side of a place of the grid, as `block` of the demo's flow


class Autoencoder(nn.Module):
    """Maps (N, 1, H, W) to mean and log-variance of (N, C, H / 4, W / 4) latents, and back.

    Parameters
    ----------
    channels
        C of the latents.
    width
        Channels of the finer of its two levels; the coarser has twice as many.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.PixelUnshuffle(2),
            nn.Conv2d(4, width, 3, padding=1),
            _Residual(width),
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),
            _Residual(2 * width),
            nn.Conv2d(2 * width, 2 * channels, 1),
        )
        self.decoder = nn.Sequential(
            nn.Conv2d(channels, 2 * width, 3, padding=1),
            _Residual(2 * width),
            nn.Conv2d(2 * width, 4 * width, 1),
            nn.PixelShuffle(2),
            _Residual(width),
            _Residual(width),
            nn.Conv2d(width, 4, 3, padding=1),
            nn.PixelShuffle(2),
        )

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log-variance of the latents."""
        mean, log_variance = self.encoder(images).float().chunk(2, dim=1)
        return mean, log_variance.clamp(-20, 10)


class Latents(nn.Module):
    """What `flow` runs over in place of cosine coefficients: whitened latents.

    Parameters
    ----------
    autoencoder
        Trained. It moves no more, so it is none of the network's parts.
    images
        Batches that mean and covariance are taken from.
    """

    mean: Tensor
    covariance_root: Tensor
    spread: Tensor

    def __init__(self, autoencoder: Autoencoder, images: Iterator[Tensor]) -> None:
        super().__init__()
        self._autoencoder = [autoencoder.requires_grad_(requires_grad=False).eval()]
        latents = torch.cat([self._drawn(batch) for batch in images])
        columns = latents.transpose(0, 1).flatten(1).double()
        root = torch.linalg.cholesky(columns.cov()).to(latents)
        self.channels = len(columns)
        self.register_buffer("mean", columns.mean(1).to(latents)[:, None, None])
        self.register_buffer("covariance_root", root)
        self.register_buffer("spread", torch.ones_like(latents[0]))  # of what was whitened

    def forward(self, images: Tensor) -> Tensor:
        """Return (N, C, H / 4, W / 4) whitened latents."""
        found = self._drawn(images) - self.mean
        columns: Tensor = torch.linalg.solve_triangular(
            self.covariance_root, found.flatten(2), upper=False
        )
        return columns.reshape(found.shape)

    def inverse(self, latents: Tensor) -> Tensor:
        """Return the images that the autoencoder makes of whitened latents."""
        columns = (self.covariance_root @ latents.float().flatten(2)).reshape(latents.shape)
        images: Tensor = self._autoencoder[0].decoder(columns + self.mean)
        return images.float()

    @torch.no_grad()
    def _drawn(self, images: Tensor) -> Tensor:
        mean, log_variance = self._autoencoder[0].encode(images)
        return mean + (log_variance / 2).exp() * torch.randn_like(mean)


class LatentFlow(Flow):
    """A `flow` whose path runs over latents; they are its images of one pixel a block."""

    def __init__(self, config: FlowConfig, size: int, latents: Latents) -> None:
        super().__init__(config.model_copy(update={"block": 1}), size // SCALE)
        self.coefficients = latents  # type: ignore[assignment] # in their place
        self.channels = latents.channels
        self.unet = VelocityUNet(latents.channels, config)
        if self.guide is not None:
            self.guide = deepcopy(self.unet).requires_grad_(requires_grad=False)

    @property
    def noise_shape(self) -> tuple[int, int, int]:
        """Shape of the standard normal noise behind one image."""
        return self.channels, self.image_size, self.image_size


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for _ in range(2):
            layers += [nn.GroupNorm(8, width), nn.SiLU(), nn.Conv2d(width, width, 3, padding=1)]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = x + self.layers(x)
        return answer
