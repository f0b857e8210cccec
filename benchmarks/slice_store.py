"""Reading slices at random from shards and from PNG files.

Run `python benchmarks/slice_store.py`. Volumes of the size of an IXI release volume are made and
cut for the purpose; every ratio is measured side by side in one run.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
from PIL import Image

from mrigen.data.store.slice_store import SliceStore
from mrigen.images import write_png
from mrigen.project import Project, load_project
from mrigen.stages.index import index
from mrigen.stages.slices import slices

SUBJECTS, SHAPE, READS = 16, (256, 256, 150), 4000
PARAMS = """
sources: { ixi: { layout: ixi, path: data } }
datasets:
  heads: { source: ixi, size: 128, selection: { by: fraction, start: 0.4, stop: 0.6 } }
models: {}
"""


def make_project(root: Path) -> Project:
    noise = np.random.default_rng(0)
    places = [np.linspace(-1.4, 1.4, count) ** 2 for count in SHAPE]
    head = 600.0 * (np.add.outer(np.add.outer(places[0], places[1]), places[2]) < 1)
    affine = np.array([[0, 0, 1.2, 0], [-0.94, 0, 0, 0], [0, 0.94, 0, 0], [0, 0, 0, 1]])
    (root / "data").mkdir()
    for number in range(1, SUBJECTS + 1):
        volume = (head + noise.normal(100, 20, SHAPE)).clip(0).astype(np.int16)
        path = root / f"data/IXI{number:03d}-Guys-{1000 + number}-T1.nii.gz"
        nib.save(nib.Nifti1Image(volume, affine), path)
    (root / "params.yaml").write_text(PARAMS, encoding="utf-8")
    project = load_project(root)
    index(project)
    return project


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def read(store: SliceStore, folder: Path) -> None:
    folder.mkdir()
    for row in range(len(store)):
        write_png(folder / f"{row}.png", store.read([row])[0])
    rows = np.random.default_rng(0).integers(0, len(store), READS)
    one_by_one = seconds(lambda: [store.read([row]) for row in rows])
    batches = seconds(
        lambda: [store.read(rows[start : start + 32]) for start in range(0, READS, 32)]
    )
    pictures = seconds(lambda: [np.asarray(Image.open(folder / f"{row}.png")) for row in rows])
    print(f"Reading {READS} slices of 128 px at random\n")
    print("| from | slices/s | against PNG |\n|---|---|---|")
    for name, taken in (
        ("PNG files", pictures),
        ("shards, one at a time", one_by_one),
        ("shards, 32 at a time", batches),
    ):
        print(f"| {name} | {READS / taken:,.0f} | {pictures / taken:.1f} |")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        project = make_project(Path(folder))
        read(slices(project, "heads", workers=1, progress=False), Path(folder) / "png")


if __name__ == "__main__":
    main()
