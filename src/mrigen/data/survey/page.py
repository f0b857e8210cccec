"""A measured cohort as one page of distributions that opens from disk."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mrigen.data.survey.content import MEASURES, KeptRanges, SliceContent, Verdict, kept_ranges
from mrigen.data.survey.measure import ScanMeasures
from mrigen.data.survey.people import UNKNOWN, count_values, known_ages, people_of
from mrigen.data.survey.people_figures import ages_figure, counts_figure, splits_figure
from mrigen.data.survey.slice_figures import (
    Line,
    Panel,
    intensity_figure,
    kept_figure,
    measure_figure,
    name_rule,
    raw_lines,
    scaled_lines,
)
from mrigen.data.survey.summary import PIXEL_BINS, Survey, contents_of, storage_counts, verdicts_of
from mrigen.page.document import Picture, render_page

# Where the lowest and the highest slice of each plane lie.
_ENDS = {
    "axial": ("bottom", "top"),
    "coronal": ("back", "front"),
    "sagittal": ("patient's left", "patient's right"),
}
_STORED = {
    "Stored axes": "Files by the sides of the head towards which their stored axes grow: left (L), "
    "right (R), front (A), back (P), top (S), bottom (I).",
    "Shape": "Files by voxels along their stored axes.",
    "Voxel size, mm": "Files by voxel size along their stored axes.",
    "Numbers": "Files by the type of their numbers.",
}


@dataclass(frozen=True)
class Table:
    """Rows under a header; the first cell of a row is its heading."""

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes
    ----------
    anchor
        Its address in the page.
    words
        Paragraphs below the title.
    facts
        Labels with their text.
    """

    anchor: str
    title: str
    words: Sequence[str] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    pictures: Sequence[Picture] = ()
    tables: Sequence[Table] = ()


def render_survey(survey: Survey) -> str:
    """Return the page as one HTML document; the same survey gives the same bytes."""
    sections = [
        _people(survey),
        _files(survey),
        _intensities(survey),
        *_slices(survey),
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
            Panel("As stored", "intensity, the scanner's units", raw_lines(scans)),
            Panel(title, "grey value, 0 black and 1 white", lines, limits=(0, 1)),
        ]
        description = (
            f"{modality}: one line for each of {len(scans)} scans, coloured by site. Left, voxels "
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
        return "Scaled volume by volume, as by default", scaled_lines(scans)
    edges = np.linspace(0, 1, PIXEL_BINS + 1)
    lines = [
        Line(pixels.site, edges, pixels.shares)
        for pixels in survey.pixels
        if pixels.modality == modality
    ]
    return f"Pixels of dataset {survey.dataset}", lines


def _slices(survey: Survey) -> Iterator[Section]:
    for modality, scans in survey.modalities.items():
        contents = contents_of(scans)
        verdicts = verdicts_of(contents, survey.above)
        if verdicts:
            ranges = kept_ranges(contents, survey.above)
            yield Section(
                anchor=f"slices-{modality}",
                title=f"{survey.plane.capitalize()} slices: {modality}",
                words=_slice_words(contents, ranges),
                pictures=list(_slice_pictures(survey, contents, verdicts, ranges)),
                tables=[_rules(verdicts)],
            )


def _slice_words(contents: Sequence[SliceContent], ranges: KeptRanges) -> list[str]:
    slices = sum(len(content.nonzero_count) for content in contents)
    words = [
        f"All {slices:,} slices of {len(contents):,} scans, on the scans' own grids, before any "
        "selection."
    ]
    if not any(content.brain_fraction is not None for content in contents):
        words.append(
            "The share of brain is not measured: name a dataset with a brain_mask, or give the "
            "source a pattern for masks."
        )
    elif len(ranges.first):
        words.append(
            f"The brain rule keeps {ranges.number.mean():.1f} slices of a scan on average; what it "
            f"keeps is one unbroken stretch in {ranges.contiguous:,} of {len(ranges.first):,} "
            "scans."
        )
    return words


def _slice_pictures(
    survey: Survey,
    contents: Sequence[SliceContent],
    verdicts: Sequence[Verdict],
    ranges: KeptRanges,
) -> Iterator[Picture]:
    for measure, words in MEASURES.items():
        if any(len(content.values(measure)) for content in contents):
            rules = [verdict for verdict in verdicts if verdict.measure == measure]
            description = (
                f"All slices by {words}: lines show where each rule cuts, the legend what it "
                "keeps. Beside it the same from the lowest slice to the highest: the median scan, "
                "and the band that holds 90 % of the scans."
            )
            figure = measure_figure(contents, measure, rules, _ENDS[survey.plane])
            yield Picture(words[:1].upper() + words[1:], description, figure)
    if len(ranges.first):
        yield Picture(
            "What the brain rule keeps",
            "First and last slice kept of each scan, and how many slices are kept.",
            kept_figure(ranges),
        )


def _rules(verdicts: Sequence[Verdict]) -> Table:
    rows = [
        (
            f"{MEASURES[verdict.measure]}, {name_rule(verdict)}",
            f"{verdict.value:,.0f}" if abs(verdict.value) >= 1000 else f"{verdict.value:.4g}",
            f"{verdict.kept:,}",
            f"{verdict.kept / verdict.slices:.1%}",
            f"{verdict.emptied:,}",
        )
        for verdict in verdicts
    ]
    header = ("Rule", "Cut", "Slices kept", "Share", "Scans left with none")
    return Table("What each rule of selection would keep", header, rows)


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
    header = ("Split", "Subjects", "Age, mean ± sd, years", "Sexes")
    description = "Ages and sexes of the splits side by side, in per cent of a split's subjects."
    yield Section(
        anchor="splits",
        title=f"Splits of dataset {survey.dataset}",
        pictures=[Picture("Who is in which split", description, splits_figure(filled))],
        tables=[Table("Subjects of each split", header, rows)],
    )
