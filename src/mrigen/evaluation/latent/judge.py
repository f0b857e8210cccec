"""Judge and draw what the latents of a model carry."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mrigen.data.loader import TEST, TRAIN, VALIDATION
from mrigen.evaluation.case import Case, spread_over
from mrigen.evaluation.config import LatentConfig
from mrigen.evaluation.figures import rows_figure
from mrigen.evaluation.judgement import Judgement
from mrigen.evaluation.latent.bound import evaluate_latent
from mrigen.evaluation.latent.covariates import colourings, read_covariates
from mrigen.evaluation.latent.encoding import encode_rows, encoder_of
from mrigen.evaluation.latent.figures import map_figure
from mrigen.evaluation.latent.maps import LEAST_SLICES, map_codes
from mrigen.evaluation.latent.paths import spherical_path, straight_paths
from mrigen.evaluation.threads import one_thread
from mrigen.models.interfaces import Sampler
from mrigen.models.vae import VAE
from mrigen.page.document import Picture
from mrigen.seeds import seeded_noise

_Codes = npt.NDArray[np.float64]
_Rows = npt.NDArray[np.int64]


def judge_latent(case: Case) -> Judgement:
    """Judge what is behind images, of samplers and of networks with an encoder."""
    judgement, settings = Judgement(), case.config.latent
    if settings is None:
        return judgement
    if case.sampler is not None:
        with one_thread():
            picture = _between_seeds(case, case.sampler, settings)
        judgement.pictures["latent_interpolation"] = picture
    encoder = encoder_of(case.network)
    if encoder is None:
        return judgement
    rows = {split: case.rows(split, case.config.slices) for split in (TRAIN, TEST)}
    codes = {split: encode_rows(case, encoder, chosen) for split, chosen in rows.items()}
    if isinstance(case.network, VAE):
        judgement.add(_judge_vae(case, case.network, settings, codes[TEST]))
    train, test = ((rows[split], codes[split]) for split in (TRAIN, TEST))
    judgement.add(read_covariates(case.store.manifest, train, test, seed=case.seed))
    judgement.add(_draw_maps(case, settings, train, test))
    return judgement


def _judge_vae(case: Case, network: VAE, settings: LatentConfig, codes: _Codes) -> Judgement:
    # The best noise is a number learned from slices: never from those that judge.
    other = VALIDATION if len(case.rows(VALIDATION)) else TRAIN
    metrics = evaluate_latent(
        network,
        test=case.batches(TEST, case.config.slices),
        calibration=case.batches(other, case.config.slices),
        seed=case.seed,
        device=case.device,
    )
    judgement = Judgement(metrics)
    with one_thread():
        if len(codes) > 1:
            picture = _between_slices(case, network, settings)
            judgement.pictures["latent_interpolation_real"] = picture
        else:
            judgement.remarks.append("There is no way between test slices: there is only one.")
        judgement.pictures["latent_traversals"] = _along_latents(case, network, settings, codes)
    return judgement


@torch.inference_mode()
def _between_seeds(case: Case, sampler: Sampler, settings: LatentConfig) -> Picture:
    lines, labels = [], []
    for line in range(settings.paths):
        seeds = [case.seed + 2 * line, case.seed + 2 * line + 1]
        ends = seeded_noise(seeds, sampler.noise_shape).to(case.device)
        draw: Callable[[Tensor], Tensor] = sampler.sample
        if isinstance(sampler, VAE) and sampler.mixture is not None:
            # Its noise picks a component: on the way through noise, heads would change in jumps.
            ends, draw = sampler.mixture(ends), sampler.decode
        path = spherical_path(*ends.cpu(), steps=settings.images)
        lines.append(draw(path.to(case.device)).float().cpu())
        labels.append(f"seeds {seeds[0]}, {seeds[1]}")
    return Picture(
        "From one generated slice to another",
        "Each line goes from the noise of one seed to that of another, turning evenly, or from "
        "latent to latent where noise picks a component of a mixture. Smooth changes through "
        "plausible heads speak for a latent space without holes. Where noise picks codes, "
        "pictures change in jumps.",
        rows_figure(lines, labels),
    )


@torch.inference_mode()
def _between_slices(case: Case, network: VAE, settings: LatentConfig) -> Picture:
    chosen = case.rows(TEST, 2 * settings.paths)
    half = len(chosen) // 2
    lines = []
    for first, second in zip(chosen[:half], chosen[half : 2 * half], strict=True):
        ends = case.images(np.array([first, second]))
        start, stop = network.encode(ends.to(case.device)).mean.float().cpu()
        path = spherical_path(start, stop, steps=settings.images)
        between = network.decode(path.to(case.device)).float().cpu()
        lines.append(torch.cat([ends[:1], between, ends[1:]]))
    headings = ["real", "reproduced", *[""] * (settings.images - 2), "reproduced", "real"]
    return Picture(
        "From one real slice to another",
        "Outermost, two slices of test subjects; between them what the decoder makes of places "
        "on the way from the latents of the one to those of the other.",
        rows_figure(lines, [""] * len(lines), headings),
    )


@torch.inference_mode()
def _along_latents(case: Case, network: VAE, settings: LatentConfig, codes: _Codes) -> Picture:
    means = torch.from_numpy(codes)
    spread = means.std(0, correction=0)
    count = min(settings.traversals, len(spread))
    chosen = spread.argsort(descending=True, stable=True)[:count]
    paths = straight_paths(means.mean(0), spread, chosen=chosen, steps=settings.images).float()
    lines = [network.decode(path.to(case.device)).float().cpu() for path in paths]
    share = spread.square() / spread.square().sum().clamp(min=1e-12)
    labels = [f"latent {k}\n{100 * share[k]:.0f} % of variance" for k in chosen.tolist()]
    deviations = np.linspace(-3, 3, settings.images)
    headings = ["mean" if value == 0 else f"{value:+.2f} sd" for value in deviations]
    return Picture(
        "Along single latents",
        "Each line changes one latent, from 3 standard deviations below its mean over the test "
        "slices to 3 above, and leaves all others at their means. The latents that vary most are "
        "shown, with their share of the variance of all.",
        rows_figure(lines, labels, headings),
    )


def _draw_maps(
    case: Case, settings: LatentConfig, train: tuple[_Rows, _Codes], test: tuple[_Rows, _Codes]
) -> Judgement:
    parts = [
        tuple(each[_evenly(len(rows), settings.map_slices)] for each in (rows, codes))
        for rows, codes in (train, test)
    ]
    rows, codes = (np.concatenate(each) for each in zip(*parts, strict=True))
    colours = colourings(case.store.manifest, rows)
    learned = len(parts[0][0])
    varying = int((np.ptp(codes[:learned], axis=0) > 0).sum())
    if varying < 2 or min(learned, len(rows) - learned) < LEAST_SLICES or not colours:
        sentence = (
            f"The latents were not mapped: {varying} of them differ between {learned} training "
            f"and {len(rows) - learned} test slices, expected at least 2, {LEAST_SLICES} slices of "
            "either split, and something that is known of the slices and differs."
        )
        return Judgement(remarks=[sentence])
    planes = map_codes(codes, learned, seed=case.seed)
    picture = Picture(
        "Maps of the latents",
        "Each point is a slice, test slices with a black rim, coloured by what is known of them "
        "(grey: not known). Above, the first two principal components; below, t-SNE, in which "
        "neighbours are alike, and distances between groups mean nothing. Colours that lie in "
        "order or apart are carried by the latents; so are test slices apart from training ones.",
        map_figure(planes, colours, np.arange(len(rows)) >= learned),
    )
    return Judgement(pictures={"latent_maps": picture})


def _evenly(count: int, limit: int) -> _Rows:
    return spread_over(np.arange(count), limit)
