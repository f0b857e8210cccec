"""The figures of `kl_study.py`."""

import math
from io import BytesIO
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

# Told apart by most colour-blind readers.
COLOURS = ("#d55e00", "#e69f00", "#009e73", "#56b4e9", "#0072b2", "#cc79a7", "#000000", "#999999")
CURVED = ("faithful", "no_range_bug", "fixed", "optimal", "warmup")
PICTURED = ("faithful", "no_range_bug", "fixed", "optimal")


def draw_curves(reports: dict[str, dict], path: Path, *, pixels: int) -> None:
    """Rate, error and bound over the training, each for training and validation slices."""
    chosen = [name for name in CURVED if name in reports]
    figure = Figure(figsize=(10.5, 3.4), dpi=90, layout="constrained")
    rate, error, bound = figure.subplots(1, 3)
    for name, colour in zip(chosen, COLOURS, strict=False):
        report = reports[name]
        for kind, line in (("train", "-"), ("validation", "--")):
            points = [row for row in report["curve"] if f"{kind}/mse" in row]
            seen = [row["images"] for row in points]
            mse = np.array([row[f"{kind}/mse"] for row in points])
            bits = np.array([row[f"{kind}/rate_bits"] for row in points])
            label = report["label"] if kind == "train" else None
            style = {"color": colour, "linestyle": line, "linewidth": 1.2}
            rate.plot(seen, bits, label=label, **style)
            error.plot(seen, mse, **style)
            bound.plot(seen, best_bound(mse, bits, pixels), **style)
    for axes, title in (
        (rate, "rate, bits per image"),
        (error, "mean squared error"),
        (bound, "evidence lower bound, nats"),
    ):
        axes.set_title(title, fontsize=10)
        axes.set_xscale("log")
        axes.set_xlabel("images seen (line: training, dashes: validation)", fontsize=8)
        axes.tick_params(labelsize=8)
        axes.grid(alpha=0.3)
    rate.set_yscale("log")
    error.set_yscale("log")
    if chosen:
        rate.legend(fontsize=7)
    figure.savefig(path, metadata={"Software": None})


def best_bound(mse: np.ndarray, bits: np.ndarray, pixels: int) -> np.ndarray:
    """The evidence lower bound under the best constant noise: the error is its variance."""
    return -0.5 * pixels * (np.log(2 * math.pi * mse) + 1) - bits * math.log(2)


def draw_pictures(reports: dict[str, dict], out: Path) -> None:
    """Test slices, what each variant makes of them, and what it makes of noise."""
    chosen = [name for name in PICTURED if name in reports]
    rows = []
    for name in chosen:
        with np.load(out / f"{name}.npz") as images:
            if not rows:
                rows.append(("test slices", images["real"]))
            rows.append((f"{reports[name]['label']}\nreproduced", images["reproduced"]))
            rows.append(("samples, prior", images["prior"]))
            if name == chosen[-1]:
                rows.append(("samples, mixture", images["mixture"]))
    if not rows:
        return
    figure = Figure(figsize=(8.4, 0.8 * len(rows)), dpi=80, layout="constrained")
    grid = figure.subplots(len(rows), 1)
    for axes, (label, images) in zip(grid, rows, strict=True):
        row = np.concatenate(list(images), axis=1)
        axes.imshow(row, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        axes.set_ylabel(label, fontsize=8, rotation=0, ha="right", va="center")
        axes.set_xticks([])
        axes.set_yticks([])
    buffer = BytesIO()
    figure.savefig(buffer, bbox_inches="tight")
    # Nothing has a colour: a third of the bytes.
    Image.open(buffer).convert("L").save(out / "pictures.png", optimize=True)
