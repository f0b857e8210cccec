"""Why the divergence of Tablado's VAE rose and its images blurred: every cure, side by side.

Run `python benchmarks/kl_study.py PROJECT` where `mrigen slices heads` has run, or with `--data
FOLDER` for a folder of slices. Every variant has the same network, slices, order, number of
updates and seed; only the loss and the scale of the pixels differ. It prints a table, and writes
one file of numbers and one of pictures per variant, and the figures, into `--out`. Variants that
are there already are not trained again, so that several processes can share the work
(`--only faithful,optimal`). docs/kl.md tells what came out.
"""

import argparse
import json
import math
import time
from functools import cache
from pathlib import Path

import numpy as np
import torch
from kl_figures import best_bound, draw_curves, draw_pictures
from torch import Tensor

from mrigen.data.loader import (
    TEST,
    TRAIN,
    VALIDATION,
    SliceDataset,
    ordered_batches,
    training_batches,
)
from mrigen.data.store.slice_store import SliceStore
from mrigen.evaluation.case import generate
from mrigen.evaluation.generation.distances import summarise
from mrigen.evaluation.latent.bound import evaluate_latent
from mrigen.evaluation.restoration.scores import evaluate_restoration
from mrigen.metrics.distribution import FeatureStatistics, frechet_distance
from mrigen.metrics.features import efficientnet_lite0
from mrigen.models.mixture import GaussianMixture
from mrigen.models.sampling import draw_samples
from mrigen.models.vae import VAE, VAEConfig
from mrigen.objectives.variational import Variational, VariationalConfig
from mrigen.training.config import TrainingConfig
from mrigen.training.loop import fit, start_state, validate
from mrigen.training.runtime import choose_runtime

SCALE = 255 / 127  # Tablado divided 8-bit grey levels by 127
BATCH, SHOWN, VALIDATED = 32, 10, 5  # updates per point of a curve; points per validation
SAMPLES, COMPONENTS, PICTURES = 256, 16, 8

# Label, network, objective; the noise of "study" is 1000 x the mean squared error, see `study`.
VARIANTS: dict[str, tuple[str, dict, dict]] = {
    "faithful": ("study, pixels to 2.008", {"pixel_scale": SCALE}, {"noise_std": "study"}),
    "no_range_bug": ("study, pixels to 1", {}, {"noise_std": "study"}),
    "fixed": ("sum, noise 0.1", {}, {"noise_std": 0.1}),
    "bernoulli": ("sum, cross-entropy", {}, {"likelihood": "bernoulli"}),
    "optimal": ("optimal noise", {}, {"noise_std": "optimal"}),
    "learned": ("learned noise", {}, {"noise_std": "learned"}),
    "free_bits": ("optimal, 0.25 free", {}, {"noise_std": "optimal", "free_bits": 0.25}),
    "warmup": ("optimal, warm-up 0.3", {}, {"noise_std": "optimal", "kl_warmup": 0.3}),
}
SWEEP = {
    f"beta_{beta}": (f"optimal, beta {beta}", {}, {"noise_std": "optimal", "kl_weight": beta})
    for beta in (0.25, 4, 16, 64, 263)
}


def study(size: int, scale: float) -> float:
    """The noise at which a sum of squared errors is worth 1000 x the mean of scaled ones."""
    return math.sqrt(size**2 / 2000) / scale


class Study:
    """A slice store, and what every variant has in common."""

    def __init__(self, store: SliceStore, out: Path, options: argparse.Namespace) -> None:
        self.store, self.out, self.options = store, out, options
        steps = options.images // BATCH
        self.training = TrainingConfig(
            epochs=max(1, steps // SHOWN),
            batch_size=BATCH,
            schedule="cosine",
            ema_decay=0.99,
            seed=options.seed,
        )
        self.runtime = choose_runtime(device="cpu")
        self.extractor = efficientnet_lite0()
        self.compared = min(SAMPLES, *(len(self.clean(split)) for split in (TEST, TRAIN)))
        self.features = cache(self._features)

    def clean(self, split: str) -> SliceDataset:
        """What one split holds, as it is."""
        return SliceDataset(self.store, split, corruption=None, seed=self.options.seed)

    def images(self, split: str, limit: int | None = None) -> list[Tensor]:
        """Every slice of a split, or some at even distances."""
        batches = ordered_batches(self.clean(split), batch_size=BATCH, limit=limit)
        return [batch.target for batch in batches]

    def range_floor(self) -> float:
        """The mean squared error, in pixels of [0, 2.008], that no answer below 1 can avoid."""
        lost = [(images * SCALE - 1).clamp(min=0).square().mean((1, 2, 3))
                for images in self.images(TRAIN)]  # fmt: skip
        return float(torch.cat(lost).mean())

    def objective(self, network: dict, objective: dict) -> Variational:
        """A fresh network bound to its loss."""
        options = self.options
        sizes = VAEConfig(
            name="vae", latent_size=options.latent, base_channels=options.base,
            depth=options.depth, **network,
        )  # fmt: skip
        if objective.get("noise_std") == "study":
            objective = objective | {"noise_std": study(self.store.size, sizes.pixel_scale)}
        torch.manual_seed(options.seed)
        vae = VAE(sizes, self.store.size)
        return Variational(vae, VariationalConfig(name="variational", **objective))

    def train(self, network: dict, objective: dict) -> tuple[VAE, list[dict[str, float]]]:
        """Train, and keep the terms of the loss on the way."""
        bound = self.objective(network, objective)
        state = start_state(bound, self.training, self.runtime)
        batches = training_batches(self.clean(TRAIN), batch_size=BATCH)
        loop = fit(state, batches, self.training, steps_per_epoch=SHOWN, runtime=self.runtime)
        curve = []
        for point in loop:
            if point.terms is None:
                continue
            row = {"images": float(point.images)}
            row |= {f"train/{name}": value for name, value in point.terms.items()}
            if point.epoch % VALIDATED == 0:
                judged = Variational(state.final_network, bound.config)
                held = ordered_batches(self.clean(VALIDATION), batch_size=BATCH)
                found = validate(judged, held, seed=0, runtime=self.runtime)
                row |= {f"validation/{name}": value for name, value in found.items()}
            curve.append(row)
        return state.final_network.eval(), curve

    def _features(self, split: str) -> FeatureStatistics:
        return summarise(self.images(split, self.compared), self.extractor)

    def judge(self, vae: VAE) -> dict[str, float]:
        """Every number of the table."""
        row = evaluate_latent(
            vae, test=self.images(TEST), calibration=self.images(VALIDATION), seed=0
        )
        batches = ordered_batches(self.clean(TEST), batch_size=BATCH)
        row |= evaluate_restoration(vae, batches)
        for sampling in ("prior", "mixture"):
            vae.mixture = None
            if sampling == "mixture":
                vae.mixture = GaussianMixture(vae.latent_size, COMPONENTS)
                vae.fit_sampler(self.images(TRAIN))
            generated = summarise(generate(vae, self.compared, seed=0), self.extractor)
            row[f"frechet/{sampling}"] = frechet_distance(generated, self.features(TEST))
        row["frechet/training"] = frechet_distance(self.features(TRAIN), self.features(TEST))
        return row

    def pictures(self, vae: VAE) -> dict[str, np.ndarray]:
        """Test slices, their reproductions, and samples of the prior and of the mixture."""
        real = torch.cat(self.images(TEST, PICTURES))
        with torch.inference_mode():
            shown = {"real": real, "reproduced": vae.reconstruct(real)}
        shown["mixture"] = draw_samples(vae, range(PICTURES))
        vae.mixture = None
        shown["prior"] = draw_samples(vae, range(PICTURES))
        return {name: images[:, 0].numpy() for name, images in shown.items()}

    def run(self, name: str) -> None:
        """Train and judge one variant, and write what came out."""
        label, network, objective = (VARIANTS | SWEEP)[name]
        start = time.perf_counter()
        vae, curve = self.train(network, objective)
        seconds = time.perf_counter() - start
        row = {"seconds": seconds, **self.judge(vae)}
        np.savez(self.out / f"{name}.npz", **self.pictures(vae))
        report = {"label": label, "row": row, "curve": curve}
        (self.out / f"{name}.json").write_text(json.dumps(report))


def print_table(reports: dict[str, dict]) -> None:
    print("| variant | rate, bits | active | noise | ELBO, own noise | ELBO, best noise "
          "| bits/pixel | PSNR, dB | Fréchet, prior | Fréchet, mixture |")  # fmt: skip
    print("|" + "---|" * 10)
    for report in reports.values():
        row = report["row"]
        print(
            f"| {report['label']} | {row['rate_bits']:.1f} | {row['active_units']:.0f} "
            f"| {row['noise_std']:.3f} | {row['elbo_nats']:.0f} "
            f"| {row['calibrated_elbo_nats']:.0f} | {row['calibrated_bits_per_pixel']:.2f} "
            f"| {row['slice_psnr_db']:.2f} | {row['frechet/prior']:.1f} "
            f"| {row['frechet/mixture']:.1f} |"
        )
    print(f"\nFréchet distance of training to test slices: {row['frechet/training']:.1f}")


def print_course(reports: dict[str, dict], *, pixels: int) -> None:
    """Where the rate fell and rose on training slices, with error and bound beside it."""
    print("\n| variant | images seen | rate, bits | mean squared error | bound, best noise |")
    print("|" + "---|" * 5)
    for report in reports.values():
        curve = report["curve"]
        lowest = min(curve, key=lambda row: row["train/rate_bits"])
        for point in (curve[0], lowest, curve[-1]):
            bits, mse = point["train/rate_bits"], point["train/mse"]
            print(
                f"| {report['label']} | {point['images']:.0f} | {bits:.1f} | {mse:.5f} "
                f"| {best_bound(np.array(mse), np.array(bits), pixels):.0f} |"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("project", nargs="?", type=Path, default=Path())
    parser.add_argument("--dataset", default="heads")
    parser.add_argument("--data", type=Path, help="a folder of slices, in place of a project")
    parser.add_argument("--out", type=Path, default=Path("kl_study"))
    parser.add_argument("--only", default=",".join(VARIANTS), help="variants, with commas")
    parser.add_argument("--floor", action="store_true", help="measure the range bug alone")
    parser.add_argument("--images", type=int, default=40_000, help="training images in all")
    parser.add_argument("--latent", type=int, default=64)
    parser.add_argument("--base", type=int, default=8)
    parser.add_argument("--depth", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    store = SliceStore(options.data or options.project / "processed" / options.dataset)
    whole = Study(store, options.out, options)
    floor = whole.range_floor()
    print(f"{len(whole.clean(TRAIN))} training slices of {store.size} px; error floor of the range "
          f"bug {floor:.4f} in [0, 2.008], {floor / SCALE**2:.4f} in [0, 1]\n")  # fmt: skip
    if options.floor:
        return
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.only.split(","):
        if not (options.out / f"{name}.json").exists():
            whole.run(name)
    files = {name: options.out / f"{name}.json" for name in VARIANTS | SWEEP}
    reports = {name: json.loads(path.read_text()) for name, path in files.items() if path.exists()}
    print_table(reports)
    print_course(reports, pixels=store.size**2)
    draw_curves(reports, options.out / "curves.png", pixels=store.size**2)
    draw_pictures(reports, options.out)


if __name__ == "__main__":
    main()
