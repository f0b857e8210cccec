"""The part of the page that tells what slices hold and what each rule would keep."""

from collections.abc import Iterator, Sequence

from mrigen.data.survey.content import MEASURES, KeptRanges, SliceContent, Verdict, kept_ranges
from mrigen.data.survey.sections import Section, Table
from mrigen.data.survey.slice_figures import kept_figure, measure_figure, name_rule
from mrigen.data.survey.summary import Survey, contents_of, verdicts_of
from mrigen.page.document import Picture

# Where the lowest and the highest slice of each plane lie.
_ENDS = {
    "axial": ("bottom", "top"),
    "coronal": ("back", "front"),
    "sagittal": ("patient's left", "patient's right"),
}

_ALONG = (
    " Beside it the same from the lowest slice to the highest: the median scan, and the band that "
    "holds 90 % of the scans."
)


def slice_sections(survey: Survey) -> Iterator[Section]:
    """Yield a section for each modality whose slices were measured."""
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
                f"All slices by {words}: lines show where each rule cuts, the legend what it keeps."
            )
            if any(len(content.nonzero_count) > 1 for content in contents):
                description += _ALONG
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
