"""A measured cohort as one page of distributions that opens from disk."""

from collections.abc import Iterator, Sequence

import numpy as np

from mrigen.data.survey.measure import ScanMeasures
from mrigen.data.survey.people import UNKNOWN, count_values, known_ages, people_of
from mrigen.data.survey.people_figures import ages_figure, counts_figure, splits_figure
from mrigen.data.survey.sections import Section, Table
from mrigen.data.survey.slice_figures import (
    MOST_LINES,
    Line,
    Panel,
    intensity_figure,
    raw_lines,
    scaled_lines,
    spread_out,
)
from mrigen.data.survey.slice_sections import slice_sections
from mrigen.data.survey.summary import PIXEL_BINS, Survey, storage_counts
from mrigen.page.document import Picture, render_page

_SPLITS = "Ages and sexes of the splits side by side, in per cent of a split's subjects."
_STORED = {
    "Stored axes": "Files by the sides of the head towards which their stored axes grow: left (L), "
    "right (R), front (A), back (P), top (S), bottom (I).",
    "Shape": "Files by voxels along their stored axes.",
    "Voxel size, mm": "Files by voxel size along their stored axes.",
    "Numbers": "Files by the type of their numbers.",
}


def render_survey(survey: Survey) -> str:
    """Return the page as one HTML document; the same survey gives the same bytes."""
    sections = [
        _people(survey),
        _files(survey),
        _intensities(survey),
        *slice_sections(survey),
        *_splits(survey),
    ]
    return render_page("mrigen.data.survey", "survey.html.j2", survey=survey, sections=sections)


def _people(survey: Survey) -> Section:
    people = people_of(survey.scans)
    ages = known_ages(people)
    facts = {"Subjects": f"{len(people):,}"}
    pictures: list[Picture] = []
    words: list[str] = []
    if ages:
        facts["Age"] = (
            f"{min(ages):.1f} to {max(ages):.1f} years, mean {np.mean(ages):.1f}, standard "
            f"deviation {np.std(ages):.1f}"
        )
        facts["Age known"] = f"{len(ages):,} of {len(people):,} subjects"
        description = f"Ages of {len(ages)} subjects in steps of five years, stacked by sex."
        pictures.append(Picture("Ages", description, ages_figure(people)))
    else:
        words.append("Ages are not known of any subject.")
    for title, values in (
        ("Sexes", [person.sex for person in people]),
        ("Ethnicities", [person.ethnicity for person in people]),
        ("Sites", [person.site for person in people]),
    ):
        counts = count_values(values)
        if list(counts) == [UNKNOWN]:
            words.append(f"{title} are not known of any subject.")
        else:
            description = f"{title}: subjects by name, in the words of the cohort."
            pictures.append(Picture(title, description, counts_figure(counts, of="subjects")))
    return Section("people", "People", words, facts, pictures)


def _files(survey: Survey) -> Section:
    facts = [file.facts for file in survey.files]
    pictures = [
        Picture(title, _STORED[title], counts_figure(counts, of="files"))
        for title, counts in storage_counts(facts).items()
        if counts
    ]
    scans = sum(len(file.scans) for file in survey.files)
    labels = {
        "Files": f"{len(survey.files):,}",
        "Scans": f"{scans:,}",
        "Modalities (scans)": ", ".join(
            f"{name} {len(scans):,}" for name, scans in survey.modalities.items()
        ),
        "Left out": f"{len(survey.left_out):,} files",
    }
    return Section("files", "Files", (), labels, pictures)


def _intensities(survey: Survey) -> Section:
    pictures = []
    for modality, scans in survey.modalities.items():
        title, lines = _scaled(survey, modality, scans)
        panels = [
            Panel("As stored", "intensity, as stored", spread_out(raw_lines(scans))),
            Panel(title, "grey value, 0 black and 1 white", spread_out(lines), limits=(0, 1)),
        ]
        number = f"each of {len(scans):,}" if len(scans) <= MOST_LINES else f"{MOST_LINES} of the"
        description = (
            f"{modality}: one line for {number} scans, coloured by site. Left, voxels "
            "that are not 0, up to the 99.5th percentile of the scan; right, "
            f"{title[:1].lower()}{title[1:]}."
        )
        pictures.append(Picture(modality, description, intensity_figure(panels)))
    words = ["How often each intensity occurs; exact zeros are left away."]
    return Section("intensities", "Intensities", words, {}, pictures)


def _scaled(
    survey: Survey, modality: str, scans: Sequence[ScanMeasures]
) -> tuple[str, Sequence[Line]]:
    if survey.pixels is None:
        return "Scaled one by one, as by default", scaled_lines(scans)
    edges = np.linspace(0, 1, PIXEL_BINS + 1)
    lines = [
        Line(pixels.site, edges, pixels.shares)
        for pixels in survey.pixels
        if pixels.modality == modality
    ]
    return f"Pixels of dataset {survey.dataset}", lines


def _splits(survey: Survey) -> Iterator[Section]:
    if survey.splits is None:
        return
    filled = {split: people for split, people in survey.splits.items() if people}
    total = sum(map(len, filled.values()))
    rows = []
    for split, people in filled.items():
        ages = known_ages(people)
        sexes = count_values(person.sex for person in people)
        rows.append(
            (
                split,
                f"{len(people):,} ({len(people) / total:.1%})",
                f"{np.mean(ages):.1f} ± {np.std(ages):.1f}" if ages else "unknown",
                ", ".join(f"{name} {count:,}" for name, count in sexes.items()),
            )
        )
    pictures = []
    if any(person.age or person.sex for people in filled.values() for person in people):
        figure = splits_figure(filled)
        pictures.append(Picture("Who is in which split", _SPLITS, figure))
    header = ("Split", "Subjects", "Age, mean ± sd, years", "Sexes")
    yield Section(
        anchor="splits",
        title=f"Splits of dataset {survey.dataset}",
        pictures=pictures,
        tables=[Table("Subjects of each split", header, rows)],
    )
