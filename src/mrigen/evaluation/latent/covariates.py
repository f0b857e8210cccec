"""What is known of slices: what maps are coloured by, and what is read from latents."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from mrigen.evaluation.judgement import Judgement, Row, Table
from mrigen.evaluation.latent.figures import Colouring
from mrigen.evaluation.latent.readout import LEAST_SUBJECTS, Known, read_class, read_number

#: Numbers that are read from latents, with the column that holds them.
NUMBERS = {"position": "position_mm", "age": "age"}

_Rows = npt.NDArray[np.int64]
_Numbers = npt.NDArray[np.float64]


def colourings(manifest: pd.DataFrame, rows: _Rows) -> list[Colouring]:
    """Return what is known of at least one of the rows, and differs between them.

    Parameters
    ----------
    manifest
        With a row per slice.
    rows
        Those on the map.
    """
    table = manifest.iloc[rows]
    found = [
        Colouring("position, mm", table["position_mm"].to_numpy(np.float64)),
        Colouring("age, years", table["age"].to_numpy(np.float64)),
        Colouring("sex", sex_of(table, ("f", "m")), ("female", "male")),
    ]
    kinds = sorted(table["modality"].dropna().unique())
    places = {kind: float(place) for place, kind in enumerate(kinds)}
    modality = table["modality"].map(places).to_numpy(np.float64)
    found.append(Colouring("modality", modality, tuple(kinds)))
    return [each for each in found if len(np.unique(each.numbers[~np.isnan(each.numbers)])) > 1]


def sex_of(table: pd.DataFrame, order: tuple[str, str]) -> _Numbers:
    """Return 0 and 1 for the two of `order`, NaN where it is not known."""
    places = {kind: float(place) for place, kind in enumerate(order)}
    return np.asarray(table["sex"].map(places), np.float64)


def read_covariates(
    manifest: pd.DataFrame,
    train: tuple[_Rows, _Numbers],
    test: tuple[_Rows, _Numbers],
    *,
    seed: int,
) -> Judgement:
    """Measure how well position, age and sex can be read from latents.

    Parameters
    ----------
    manifest
        With a row per slice.
    train, test
        Rows, and the latents of these slices.
    seed
        Of the resampling.
    """
    judgement, lines = Judgement(), list[Row]()
    for name in (*NUMBERS, "sex"):
        known = [_known(manifest, name, rows, codes) for rows, codes in (train, test)]
        problem = _find_problem(*known)
        if problem is not None:
            judgement.remarks.append(
                f"How well '{name}' can be read from the latents was not measured: {problem}."
            )
            continue
        measure = "latent_balanced_accuracy" if name == "sex" else "latent_r2"
        read = (read_class if name == "sex" else read_number)(*known, seed=seed)
        judgement.metrics[f"{name}/{measure}"] = read.value
        lines.append(
            {
                "covariate": name,
                "measure": "balanced accuracy" if name == "sex" else "R2",
                "value": read.value,
                "low": read.low,
                "high": read.high,
                "nothing": 0.5 if name == "sex" else 0.0,
                "training_subjects": len(set(known[0].subjects)),
                "test_subjects": len(set(known[1].subjects)),
                "test_slices": len(known[1].values),
            }
        )
    if lines:
        judgement.tables["latent_readout"] = Table(
            "What can be read from the latents",
            "Ridge regression from the latents of training slices, its penalty chosen by a "
            "cross-validation over training subjects, asked about test slices: R2 of position "
            "and age, balanced accuracy of sex, with the 95 % interval over test subjects. "
            "'nothing' is what latents that carry nothing would score; R2 can fall below it.",
            list(lines[0]),
            lines,
        )
    return judgement


def _known(manifest: pd.DataFrame, name: str, rows: _Rows, codes: _Numbers) -> Known:
    table = manifest.iloc[rows]
    if name == "sex":
        values = 2 * sex_of(table, ("f", "m")) - 1
    else:
        values = table[NUMBERS[name]].to_numpy(np.float64)
    return Known(codes, values, table["subject"].to_numpy(dtype=object)).where_known()


def _find_problem(train: Known, test: Known) -> str | None:
    for split, known in (("training", train), ("test", test)):
        count = len(set(known.subjects))
        if count < LEAST_SUBJECTS:
            return (
                f"it is known of {count} subjects of the {split} split, expected at least "
                f"{LEAST_SUBJECTS}"
            )
        if len(np.unique(known.values)) < 2:
            return f"it is the same for all slices of the {split} split"
    return None
