"""Bundles of untrained networks, small enough to draw from in milliseconds."""

import torch

from mrigen.bundle import BundleConfig, save_bundle
from mrigen.models.build import build_network

SIZE = 32
NETWORKS = {
    "vae": {"name": "vae", "latent_size": 8, "base_channels": 2, "depth": 3},
    "gan": {"name": "feliu_gan", "base_channels": 2, "discriminator_channels": 2},
    "unet": {"name": "unet", "base_channels": 2, "depth": 2},
}
FLOW = {
    "name": "flow", "block": 4, "base_channels": 16, "depth": 1, "embedding_size": 8,
    "conditions": {"position_mm": [0, 60], "age": [18, 90], "sex": True, "modality": ["T1w"]},
    "sampling": {"steps": 3, "quick_steps": 1, "stack_guidance": 2.0},
}  # fmt: skip
EVERY = {**NETWORKS, "flow": FLOW}


def config(model="vae"):
    values = {"model": model, "image_size": SIZE, "network": EVERY[model]}
    return BundleConfig.model_validate(values)


def network(model="vae", seed=0):
    torch.manual_seed(seed)
    net = build_network(config(model).network, SIZE).eval()
    if model == "flow":  # it begins with no velocity at all
        with torch.no_grad():
            for weight in net.parameters():
                weight.add_(0.1 * torch.randn_like(weight))
    return net


def write_bundle(path, model="vae", *, seed=0, card=None):
    """Write a bundle and return its digest."""
    card = {"model": model} if card is None else card
    return save_bundle(path, network(model, seed), config=config(model), card=card)
