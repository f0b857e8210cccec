"""Cutting volumes against plain loading, with one and two processes, and the memory that it takes.

Run `python benchmarks/extraction.py`. Volumes of the size of an IXI release volume are written for
the purpose; `--data FOLDER` compares cutting with loading on files of your own. What is compared
is measured in turns, and the best of several turns counts, since other work only ever adds time.
Cutting against loading is told in seconds of one processor; the stage in seconds of a clock.
"""

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

# Worker processes import this file: what only the parent needs is imported where it is needed.

SHAPE, FILES, TURNS = (256, 256, 150), 8, 7
COHORT, SMALL_COHORT = 288, 48
SINGLE_PASS_BAR, TWO_PROCESSES_BAR = 1.35, 1.7

# Of a dataset: what a newcomer gets, and the protocols of two studies without their masks.
CONFIGS: dict[str, dict[str, object]] = {
    "default: axial, percentiles of the volume, 64 px": {},
    "the same, 128 px, 16 bits": {"size": 128, "bits": 16},
    "Arnaiz: 102 sagittal slices, each through PNG, 128 px": {
        "plane": "sagittal",
        "size": 128,
        "selection": {"by": "index", "start": 24, "stop": 126},
        "intensity": {
            "scope": "slice", "lower": 0, "upper": 100, "through_png": True, "rescale": True,
        },
        "geometry": {"fit": "stretch", "resample": "bilinear"},
    },
    "Lorente: 51 central axial slices, range of the cohort, 64 px": {
        "size": 64,
        "selection": {"by": "central", "count": 51},
        "intensity": {"scope": "cohort", "lower": 0, "upper": 100},
        "geometry": {"fit": "stretch", "resample": "bilinear"},
    },
}  # fmt: skip
PARAMS = """
sources: { ixi: { layout: ixi, path: data } }
datasets:
  heads: { source: ixi, size: 128, selection: { by: fraction, start: 0.4, stop: 0.6 } }
models: {}
"""


def write_heads(folder: Path, count: int) -> None:
    """Write smooth heads in noise; they compress to about half their size, real ones to 0.6."""
    from isal import igzip
    from nibabel import Nifti1Image

    folder.mkdir()
    noise = np.random.default_rng(0).normal(0, 16, SHAPE).astype(np.float32)
    affine = np.array([[0, 0, 1.2, 0], [-0.94, 0, 0, 0], [0, 0.94, 0, 0], [0, 0, 0, 1]])
    places = [np.linspace(-1.3, 1.3, length, dtype=np.float32) for length in SHAPE]
    for number in range(1, count + 1):
        x, y, z = (axis[tuple(np.s_[:] if d == i else None for d in range(3))]
                   for i, axis in enumerate(places))  # fmt: skip
        radius = x**2 + y**2 + z**2 * (1 + 0.002 * number)
        ripples = np.cos(9 * x) * np.cos(8 * y + number) * np.cos(7 * z)
        head = np.where(radius < 1, 420 - 150 * radius + 110 * ripples, 12)
        volume = np.abs(head + np.roll(noise, 7919 * number)).astype(np.int16)
        path = folder / f"IXI{number:03d}-Guys-{1000 + number:04d}-T1.nii.gz"
        path.write_bytes(igzip.compress(Nifti1Image(volume, affine).to_bytes(), 1))


def best_in_turns(works: dict[str, Callable[[Path], object]], files: Sequence[Path]) -> dict:
    """Return the least processor seconds a file that each work took, taking turns."""
    best = dict.fromkeys(works, float("inf"))
    for _ in range(TURNS):
        for name, work in works.items():
            start = time.process_time()
            for path in files:
                work(path)
            best[name] = min(best[name], (time.process_time() - start) / len(files))
    return best


def against_loading(files: Sequence[Path]) -> None:
    import nibabel

    from mrigen.data.scans import Scan
    from mrigen.data.slicing.cohort import gather_facts, needs_cohort
    from mrigen.data.slicing.dataset import DatasetConfig
    from mrigen.data.slicing.extraction import describe_file, extract_file

    root = files[0].parent
    cohort_pass = "first pass over the cohort"
    works: dict[str, Callable[[Path], object]] = {
        "nibabel: decompress and load": lambda path: np.asanyarray(nibabel.load(path).dataobj)
    }
    for name, values in CONFIGS.items():
        config = DatasetConfig.model_validate({"source": "heads", **values})
        limits = {"config": config, "root": root, "max_voxels": 2**28}

        def scans(path: Path) -> list[Scan]:
            return [Scan(path.name, "heads", f"heads/{path.name}", "T1w")]

        cohort = None
        if needs_cohort(config):
            facts = [fact for path in files for fact in describe_file(scans(path), **limits)]
            cohort = gather_facts(facts, config)
            works[f"{name}: {cohort_pass}"] = lambda path, limits=limits: describe_file(
                scans(path), **limits
            )
        works[name] = lambda path, limits=limits, cohort=cohort: extract_file(
            scans(path), cohort=cohort, **limits
        )
    best = best_in_turns(works, files)
    loading = next(iter(best.values()))
    print(f"One core, {len(files)} files, best of {TURNS} turns\n")
    print("| work | processor ms a volume | against loading |\n|---|---|---|")
    for name, taken in best.items():
        print(f"| {name} | {taken * 1e3:.0f} | {taken / loading:.2f} |")
    print(f"\nThe bar for one pass is {SINGLE_PASS_BAR}.\n")


def memory_of_tree(root: int) -> int:
    """Return the resident memory of a process and its descendants, in bytes."""
    parents, pages = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            number, _, rest = stat.read_text().partition(" (")
            fields = rest.rpartition(") ")[2].split()
        except OSError:
            continue
        parents[int(number)], pages[int(number)] = int(fields[1]), int(fields[21])

    def belongs(process: int) -> bool:
        while process not in (root, 0):
            process = parents.get(process, 0)
        return process == root

    return 4096 * sum(size for process, size in pages.items() if belongs(process))


def run_stage(project: Path, workers: int) -> tuple[float, int]:
    """Run the stage in a process of its own; return its seconds and the peak of its memory."""
    process = subprocess.Popen(
        [sys.executable, __file__, "--stage", project, str(workers)],
        stdout=subprocess.PIPE,
        text=True,
    )
    peak = 0

    def watch() -> None:
        nonlocal peak
        while process.poll() is None:
            peak = max(peak, memory_of_tree(process.pid))
            time.sleep(0.1)

    watcher = threading.Thread(target=watch)
    watcher.start()
    output, _ = process.communicate()
    watcher.join()
    return float(output), peak


def stage(project: str, workers: str) -> None:
    from mrigen.project import load_project
    from mrigen.stages.slices import slices

    loaded = load_project(Path(project))
    start = time.perf_counter()
    slices(loaded, "heads", workers=int(workers), progress=False)
    print(time.perf_counter() - start)


def make_project(root: Path, heads: Path, count: int) -> Path:
    from mrigen.project import load_project
    from mrigen.stages.index import index

    (root / "data").mkdir(parents=True)
    for path in sorted(heads.iterdir())[:count]:
        (root / "data" / path.name).hardlink_to(path)
    (root / "params.yaml").write_text(PARAMS, encoding="utf-8")
    index(load_project(root))
    return root


def against_one_process(folder: Path) -> None:
    projects = {
        count: make_project(folder / str(count), folder / "heads", count)
        for count in (SMALL_COHORT, COHORT)
    }
    runs: dict[tuple[int, int], list[tuple[float, int]]] = {}
    for _ in range(3):
        for count, project in projects.items():
            for workers in (1, 2):
                runs.setdefault((count, workers), []).append(run_stage(project, workers))
    print(f"The stage `mrigen slices`, {SHAPE} voxels to 128 px, best of 3 turns\n")
    print("| volumes | processes | seconds | against one | peak memory, MiB |")
    print("|---|---|---|---|---|")
    for (count, workers), taken in runs.items():
        seconds = min(run[0] for run in taken)
        alone = min(run[0] for run in runs[count, 1])
        peak = max(run[1] for run in taken) / 2**20
        print(f"| {count} | {workers} | {seconds:.1f} | {alone / seconds:.2f} | {peak:.0f} |")
    print(f"\nThe bar for two processes is {TWO_PROCESSES_BAR}.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of .nii.gz files to compare on")
    parser.add_argument("--stage", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.stage:
        stage(*arguments.stage)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_heads(folder / "heads", COHORT)
        files = sorted((arguments.data or folder / "heads").glob("*.nii.gz"))
        against_loading(files[:FILES])
        against_one_process(folder)


if __name__ == "__main__":
    main()
