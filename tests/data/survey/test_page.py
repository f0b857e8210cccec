import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from matplotlib import _pylab_helpers

from mrigen.data.scans import LeftOut, Scan
from mrigen.data.survey.content import SliceContent
from mrigen.data.survey.intensities import describe_intensities
from mrigen.data.survey.measure import FileFacts, FileMeasures, ScanMeasures
from mrigen.data.survey.page import render_survey
from mrigen.data.survey.people import Person
from mrigen.data.survey.slice_figures import MOST_LINES, Line, spread_out
from mrigen.data.survey.summary import SYNTHETIC, PixelHistogram, Survey, survey_numbers
from mrigen.data.volumes.distribution import Distribution
from parsed_page import ParsedPage

SITES = ("Guys", "HH", "IOP")


def make_survey(subjects=5, *, known=True, brain=True, slices=9, modalities=("T1w",), **changes):
    scans, files = [], []
    for number in range(subjects):
        noise = np.random.default_rng(number)
        path, site = f"data/secret{number}.nii.gz", SITES[number % 3] if known else None
        who = {"age": 20.5 + number % 60, "sex": "mf"[number % 2], "ethnicity": "White"}
        scans += [
            Scan(path, "ixi", f"ixi/SECRET{number}", name, site=site, **(who if known else {}))
            for name in modalities
        ]
        counts = noise.integers(0, 60, slices)
        content = SliceContent(
            plane="axial",
            nonzero_count=counts,
            nonzero_mean=counts * 3.0,
            brain_fraction=np.sin(np.linspace(0, np.pi, slices)) * 0.4 if brain else None,
        )
        values = np.sort(noise.gamma(3, 100, 500).astype(np.float32))
        found = describe_intensities(Distribution.of_array(values))
        measures = [ScanMeasures(name, site, None, found, content=content) for name in modalities]
        facts = FileFacts(path, "volume", (9, 8, 7), "PSR", 0.0, (1.0, 1.0, 1.2), "int16")
        files.append(FileMeasures(facts, tuple(measures)))
    values = {"source": "ixi", "dataset": None, "plane": "axial", "above": 0.2, "scans": scans}
    return Survey(**values | {"files": files, "left_out": [], "notes": []} | changes)


def stored(subjects=5):
    pixels = [PixelHistogram("T1w", SITES[n % 3], np.full(64, 1 / 64)) for n in range(subjects)]
    people = [Person(30.0 + n, "male", None, "HH") for n in range(subjects)]
    return {
        "dataset": "heads",
        "pixels": pixels,
        "splits": {"train": people[1:], "validation": [], "test": people[:1]},
    }


CASES = {
    "usual": make_survey(),
    "stored": make_survey(**stored()),
    "one subject": make_survey(1),
    "nothing known": make_survey(3, known=False, brain=False),
    "many": make_survey(40, modalities=("FLAIR", "T1w")),
    "pictures": make_survey(4, slices=1, brain=False),
}


@cache
def page_of(name):
    return render_survey(CASES[name])


@pytest.fixture(params=CASES, ids=str)
def case(request):
    return request.param


def test_any_cohort_becomes_a_whole_page_that_needs_nothing_else(case):
    text = page_of(case)
    page = ParsedPage(text)
    assert not page.open
    assert not page.attributes("script")
    assert "http" not in text
    assert "url(" not in text
    for _, attributes in page.tags:
        for address in (attributes.get("src"), attributes.get("href")):
            assert address is None or address.startswith(("data:", "#"))
    assert "nan" not in page.text
    assert not _pylab_helpers.Gcf.get_all_fig_managers()


def test_the_page_is_accessible(case):
    page = ParsedPage(page_of(case))
    assert page.attributes("html")[0]["lang"] == "en"
    assert all(image["alt"] for image in page.attributes("img"))
    assert all("scope" in heading for heading in page.attributes("th"))
    identifiers = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))
    assert {link["href"][1:] for link in page.attributes("a")} <= set(identifiers)


def test_the_same_survey_gives_the_same_bytes():
    assert render_survey(make_survey(**stored())) == page_of("stored")


def test_nobody_is_named_outside_the_last_section():
    named = replace(
        CASES["stored"],
        left_out=[LeftOut("data/lost.nii.gz", "secret9 is cut off")],
        notes=["age is unknown for SECRET3"],
    )
    before, marker, after = render_survey(named).rpartition('<section aria-labelledby="left-out">')
    assert marker
    assert "secret" not in before.lower()
    assert "secret9 is cut off" in after
    assert "SECRET3" in after
    values = survey_numbers(named)
    rest = {key: value for key, value in values.items() if key not in ("left_out", "notes")}
    assert "secret" not in json.dumps(rest).lower()


def test_everything_from_outside_is_escaped():
    evil = "<script>alert(1)</script> $x_$"
    scans = [Scan("a", "ixi", "ixi/a", "T1w", age=30.0, sex="f", ethnicity=evil, site=evil)]
    text = render_survey(
        make_survey(1, scans=scans, left_out=[LeftOut(evil, evil)], notes=[evil], warnings=[evil])
    )
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_what_is_not_known_is_said_and_not_drawn():
    text = ParsedPage(page_of("nothing known")).text
    for what in ("Ages", "Sexes", "Ethnicities", "Sites"):
        assert f"{what} are not known of any subject." in text
    assert "The share of brain is not measured" in text
    assert "not known" not in ParsedPage(page_of("usual")).text


def test_rules_stand_with_what_they_keep():
    counts = np.arange(100)
    content = SliceContent("axial", counts, counts / 1.0, (counts >= 40) * 0.3)
    survey = make_survey(1)
    (scan,) = survey.files[0].scans
    file = replace(survey.files[0], scans=(replace(scan, content=content),))
    text = ParsedPage(render_survey(replace(survey, files=[file]))).text
    assert "pixels that are not 0, Q1 24.75 75 75.0% 0" in text
    assert "share of the slice that is brain, more than 0.2 0.2 60 60.0% 0" in text
    assert "keeps 60.0 slices of a scan on average" in text
    assert "one unbroken stretch in 1 of 1 scans" in text


def test_splits_and_pixels_need_a_store():
    with_store = ParsedPage(page_of("stored")).text
    assert "Splits of dataset heads" in with_store
    assert "train 4 (80.0%) 32.5 ± 1.1 male 4" in with_store
    without = ParsedPage(page_of("usual")).text
    assert "Splits" not in without
    nobody = {"train": [Person(None, None, None, None)], "validation": [], "test": []}
    unknown = render_survey(make_survey(1, slices=1, **stored(1) | {"splits": nobody}))
    assert "train 1 (100.0%) unknown unknown 1" in ParsedPage(unknown).text
    assert "Who is in which split" not in unknown
    assert "Beside it" not in unknown
    pictures = ParsedPage(page_of("stored")).attributes("img")
    assert any("pixels of dataset heads" in picture["alt"] for picture in pictures)


def test_of_thousands_of_lines_some_are_drawn():
    lines = [Line(str(number), np.arange(3.0), np.ones(2)) for number in range(5 * MOST_LINES)]
    few = spread_out(lines)
    assert len(few) == MOST_LINES
    assert (few[0].site, few[-1].site) == ("0", str(5 * MOST_LINES - 1))
    assert spread_out(few) == few
    assert spread_out([]) == []


def test_notices_stand_on_top():
    scans = [Scan("a", "ixi", "ixi/DEMO001", "T1w")]
    text = ParsedPage(render_survey(make_survey(1, scans=scans, warnings=["splits leak"]))).text
    assert text.index(SYNTHETIC) < text.index("splits leak") < text.index("People")
    assert SYNTHETIC not in ParsedPage(page_of("usual")).text


def test_the_numbers_are_those_of_the_page():
    numbers = survey_numbers(CASES["stored"])
    assert json.loads(json.dumps(numbers)) == numbers
    assert numbers["cohort"]["sites"] == {"Guys": 2, "HH": 2, "IOP": 1}
    assert numbers["ages"]["mean"] == 22.5
    assert numbers["splits"]["test"]["subjects"] == 1
    assert numbers["slices"]["T1w"]["slices"] == 45
    assert len(numbers["slices"]["T1w"]["rules"]) == 7
    assert numbers["slices"]["T1w"]["brain_ranges"]["contiguous"] == 5
