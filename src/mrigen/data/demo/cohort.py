"""The demo cohort: synthetic heads and tumour patients in the layouts of IXI and the Decathlon."""

import csv
import io
import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from mrigen.atomic import atomic_folder
from mrigen.data.demo.anatomy import find_template
from mrigen.data.demo.files import MARKER, README, dataset_json, write_volume
from mrigen.data.demo.head import draw_head
from mrigen.data.demo.shape import Traits
from mrigen.data.demo.tumour import draw_patient
from mrigen.errors import DataError
from mrigen.seeds import rng

_HEADS = Path("ixi") / "IXI-T1"
_PATIENTS = Path("decathlon") / "Task01_BrainTumour"
_TABLES = {"README.md", "IXI.csv", "planted.csv", "dataset.json"}
_MOST_SUBJECTS = 999  # three digits in the file names
# Sites in the proportions of IXI: more than half Guys, fewest IOP.
_SITES = ("Guys", "HH", "Guys", "IOP", "Guys", "HH", "Guys")
_FIRST_SCAN = {"Guys": 800, "HH": 1200, "IOP": 2400}


@dataclass(frozen=True)
class _Subject:
    """One row of the demographics and the file it belongs to."""

    number: int
    age: float
    sex: str
    ethnicity: int
    site: str

    @property
    def file(self) -> str:
        scan = _FIRST_SCAN[self.site] + self.number
        return f"DEMO{self.number:03d}-{self.site}-{scan:04d}-T1.nii.gz"


def write_demo_cohort(
    folder: Path,
    *,
    subjects: int = 60,
    tumour_subjects: int = 12,
    seed: int = 0,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write the synthetic demo cohort, the same bytes on every run and for any `workers`.

    The folder appears whole or not at all. One that holds a demo cohort is replaced.

    Parameters
    ----------
    folder
        Where to write: `README.md`, `ixi/` and `decathlon/`.
    subjects
        T1 heads in the IXI layout, 1 to 999. The first ones do not depend on how many follow.
    tumour_subjects
        Four-channel brains with a tumour in the Decathlon layout, 1 to 999.
    seed
        Another seed makes other people.
    workers
        Processes; every core when None. One draws in this process.
    progress
        Called with the volumes done and the volumes in all, after each.

    Raises
    ------
    DataError
        If nilearn is missing, a count is out of range, or `folder` holds anything else.
    """
    for name, count in (("subjects", subjects), ("tumour_subjects", tumour_subjects)):
        if not 1 <= count <= _MOST_SUBJECTS:
            raise DataError(f"'{name}' is {count}: expected 1 to {_MOST_SUBJECTS}.")
    folder = folder.resolve()  # a link to a folder stays a link
    _refuse_other_data(folder)
    people = [_subject(seed, number) for number in range(1, subjects + 1)]
    cases = [f"DEMO_{number:03d}" for number in range(1, tumour_subjects + 1)]
    find_template()  # told before any work
    with atomic_folder(folder) as target:
        for part in (_HEADS, _PATIENTS / "imagesTr", _PATIENTS / "labelsTr"):
            (target / part).mkdir(parents=True)
        jobs = [_Job(target, seed, person) for person in people]
        jobs += [_Job(target, seed, number) for number in range(1, tumour_subjects + 1)]
        volumes = _run(jobs, workers or _cores(), progress)
        _write(target / "README.md", README)
        _write(target / _HEADS.parent / "IXI.csv", _demographics(people))
        _write(target / "planted.csv", _planted(people, volumes))
        _write(target / _PATIENTS / "dataset.json", dataset_json(cases))


@dataclass(frozen=True)
class _Job:
    """One volume to draw: a person of the IXI layout or the number of a patient."""

    folder: Path
    seed: int
    item: "_Subject | int"


def _draw(job: _Job) -> float:
    """Write one volume; return its planted ventricle volume (ml), 0 for a patient."""
    if isinstance(job.item, _Subject):
        person = job.item
        traits = Traits(person.age, person.sex)
        head = draw_head(traits, person.site, seed=job.seed, subject=person.number)
        write_volume(job.folder / _HEADS / person.file, head.array, head.affine)
        return head.ventricle_ml
    patient = draw_patient(_patient_traits(job.seed, job.item), seed=job.seed, subject=job.item)
    file = f"DEMO_{job.item:03d}.nii.gz"
    write_volume(job.folder / _PATIENTS / "imagesTr" / file, patient.array, patient.affine)
    write_volume(job.folder / _PATIENTS / "labelsTr" / file, patient.labels, patient.affine)
    return 0.0


def _run(
    jobs: list[_Job], workers: int, progress: Callable[[int, int], None] | None
) -> list[float]:
    told = progress or (lambda _done, _total: None)
    results = [0.0] * len(jobs)
    if workers == 1:
        for index, job in enumerate(jobs):
            results[index] = _draw(job)
            told(index + 1, len(jobs))
        return results
    # Spawned, not forked: the caller may hold threads, and every platform behaves alike.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(workers, len(jobs)), mp_context=context)
    try:
        pending: dict[Future[float], int] = {
            pool.submit(_draw, job): index for index, job in enumerate(jobs)
        }
        while pending:
            for future in wait(pending, return_when=FIRST_COMPLETED).done:
                results[pending.pop(future)] = future.result()
                told(len(jobs) - len(pending), len(jobs))
    finally:
        # Without this an interrupt would wait for every volume still in the queue.
        pool.shutdown(cancel_futures=True)
    return results


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _subject(seed: int, number: int) -> _Subject:
    stream = rng(seed, "demo subject", number)
    # Steps of the golden ratio cover the ages evenly however many subjects there are.
    age = 20 + 66 * ((0.3 + 0.6180339887498949 * number) % 1)
    return _Subject(
        number=number,
        age=round(age, 2),
        sex="mf"[int(stream.integers(2))],
        ethnicity=int(stream.choice([1, 1, 1, 1, 3, 4, 5])),
        site=_SITES[number % len(_SITES)],
    )


def _patient_traits(seed: int, number: int) -> Traits:
    stream = rng(seed, "demo patient traits", number)
    return Traits(age=float(stream.uniform(35, 75)), sex="mf"[int(stream.integers(2))])


def _demographics(people: list[_Subject]) -> str:
    header = ("IXI_ID", "SEX_ID (1=m, 2=f)", "ETHNIC_ID", "AGE", "SITE", "SYNTHETIC")
    rows = [(p.number, "mf".index(p.sex) + 1, p.ethnicity, p.age, p.site, 1) for p in people]
    return _csv(header, rows)


def _planted(people: list[_Subject], volumes: list[float]) -> str:
    rows = [
        (p.number, p.age, f"{volume:.1f}", 1) for p, volume in zip(people, volumes, strict=False)
    ]
    return _csv(("IXI_ID", "AGE", "VENTRICLES_ML", "SYNTHETIC"), rows)


def _csv(header: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def _refuse_other_data(folder: Path) -> None:
    """Raise unless `folder` is missing, empty or nothing but a demo cohort."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise DataError(f"'{folder}' is a file: expected a folder. Name another one.")
    if folder.is_mount():
        raise DataError(
            f"'{folder}' is a mount point, which cannot be replaced as a whole: "
            "name a folder inside it."
        )
    files = [path for path in sorted(folder.rglob("*")) if not path.is_dir()]
    if not files:
        return
    readme = folder / "README.md"
    if not readme.is_file() or not readme.read_bytes().startswith(MARKER.encode()):
        raise DataError(
            f"'{folder}' holds files that are not the demo cohort, such as "
            f"'{files[0].relative_to(folder)}': expected a missing or an empty folder. "
            "Move them away or name another folder."
        )
    for path in files:
        if not (path.name in _TABLES or path.name.startswith("DEMO")):
            raise DataError(
                f"'{folder}' holds the demo cohort and also '{path.relative_to(folder)}', which "
                "would be lost: expected demo files alone. Move it away or name another folder."
            )
