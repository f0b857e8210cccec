"""The ways to look for lesions: by a network's residual, a VAE's probability, or brightness."""

from collections.abc import Mapping

from torch import Tensor

from mrigen.evaluation.anomaly.maps import reconstruction_probability_map, residual_map, smooth
from mrigen.evaluation.anomaly.scores import Scores, score_maps
from mrigen.evaluation.anomaly.slices import KnownSlices
from mrigen.evaluation.case import Case
from mrigen.evaluation.config import AnomalyConfig
from mrigen.models.vae import VAE

RESIDUAL, PROBABILITY, BRIGHTNESS = "residual", "probability", "brightness"


def find_maps(case: Case, config: AnomalyConfig, images: Tensor) -> dict[str, Tensor]:
    """Return the maps of (N, 1, H, W) images by method; higher is more unusual.

    `BRIGHTNESS` is no method of the network but what needs none: the slice itself.
    """
    network, smoothing, device = case.reconstructor, config.smoothing, case.device
    maps = {}
    if network is not None:
        maps[RESIDUAL] = residual_map(network, images, smoothing=smoothing, device=device)
    if isinstance(case.network, VAE):
        maps[PROBABILITY] = reconstruction_probability_map(
            case.network,
            images,
            draws=config.draws,
            seed=case.seed,
            smoothing=smoothing,
            device=device,
        )
    return maps | {BRIGHTNESS: smooth(images, smoothing)}


def score_methods(
    maps: Mapping[str, Tensor], known: KnownSlices, *, seed: int
) -> dict[str, Scores]:
    """Measure how well the maps of each method find the lesions of slices; none where none can.

    Brightness is given the direction that finds more, bright or dark: it is the bar that a single
    threshold on the slice itself sets.

    References
    ----------
    Meissen et al. 2021, doi:10.48550/arXiv.2109.06963: a threshold on brightness found the
    lesions of FLAIR images better than most autoencoders.
    """
    found = {}
    for method, values in maps.items():
        scores = score_maps(values, known, seed=seed)
        if method == BRIGHTNESS and scores is not None and scores.pixels.auroc.value < 0.5:
            scores = score_maps(1 - values, known, seed=seed)
        if scores is not None:
            found[method] = scores
    return found
