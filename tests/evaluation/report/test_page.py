import csv
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest

from mrigen.evaluation.catalogue.listing import METRICS, find_metric, metric_columns
from mrigen.evaluation.report.card import Card, CardSection
from mrigen.evaluation.report.entries import (
    DatasetEntry,
    LeftOutFile,
    ModelEntry,
    Report,
    SectionEntry,
    TableEntry,
)
from mrigen.evaluation.report.page import render_csv, render_html
from mrigen.images import encode_png
from mrigen.page.document import Picture
from parsed_page import ParsedPage


def picture():
    return Picture("Samples", "left generated, right real", encode_png(np.eye(8, dtype=np.uint8)))


def table(name="restoration_slices", rows=3, columns=("row", "slice_ssim")):
    values = [[str(number), "0.5"] for number in range(rows)]
    return TableEntry(
        name, "Per slice", "One line a slice.", columns, values, f"tables/x/{name}.csv"
    )


def quiz():
    rows = [["1", "real"], ["2", "generated"], ["3", "real"]]
    key = TableEntry("quiz_key", "The key", "Each.", ("number", "answer"), rows, "tables/x/k.csv")
    return SectionEntry("quiz", "Real or generated?", {"quiz": picture()}, {"quiz_key": key})


def sections():
    return [
        SectionEntry(
            "restoration", "Restoring slices", {"samples": picture()}, {"slices": table()},
            ["Too few patches were damaged."],
        )
    ]  # fmt: skip


def model(name="unet", **metrics):
    return ModelEntry(
        name=name,
        facts={
            "network": "unet", "dataset": "heads", "split": "leaking: tablado",
            "parameters_trainable": 1234, "epochs": 3,
        },
        timing={"device": "a processor", "seconds": 12.5},
        metrics=metrics or {"slice_psnr_db": 30.0, "slice_psnr_db_sd": 1.0},
        origin={"bundle": "ab" * 32, "git_commit": "cd" * 20},
        params={"training.epochs": "3"},
        sections=sections(),
        card=Card(f"Model card of {name}", [CardSection("Limits", lines=["No diagnosis."])]),
    )  # fmt: skip


def dataset(**changes):
    splits = {"train": (17, 391), "validation": (2, 46), "test": (5, 115)}
    values = {"name": "heads", "splits": splits, "facts": {"Subjects": "24"}} | changes
    return DatasetEntry(**values, pictures=[picture()])


def report(*models, **changes):
    return Report(models=models or [model()], datasets=[dataset()], **changes)


def test_the_page_needs_nothing_but_itself():
    text = render_html(report())
    page = ParsedPage(text)
    assert not page.open
    assert "script" not in {tag for tag, _ in page.tags}
    for _, attributes in page.tags:
        for address in (attributes.get("src"), attributes.get("href")):
            known = address is None or address.startswith(("data:", "#"))
            # Files beside the page, for those who want the numbers.
            assert known or address.endswith(".csv")
    assert "http" not in text
    assert "url(" not in text


def test_the_page_is_accessible():
    page = ParsedPage(render_html(report()))
    tags = {}
    for tag, attributes in page.tags:
        tags.setdefault(tag, []).append(attributes)
    assert tags["html"][0]["lang"] == "en"
    assert all(attributes["alt"] for attributes in tags["img"])
    assert all("scope" in attributes for attributes in tags["th"])
    identifiers = [a["id"] for _, a in page.tags if "id" in a]
    assert len(identifiers) == len(set(identifiers))
    targets = {a["href"][1:] for a in tags["a"] if a["href"].startswith("#")}
    assert targets <= set(identifiers)
    assert "prefers-color-scheme: dark" in render_html(report())


def test_everything_from_outside_is_escaped():
    evil = "<script>alert(1)</script>"
    text = render_html(
        report(
            model(evil),
            left_out=[LeftOutFile(evil, evil)],
            notices=[evil],
            missing={evil: evil},
            origin={evil: evil},
        )
    )
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_the_same_inputs_give_the_same_bytes():
    assert render_html(report()) == render_html(report())


def test_restorations_stand_beside_their_input():
    scores = {"slice_ssim": 0.9, "slice_ssim_sd": 0.01, "input_slice_ssim": 0.7}
    losing = {"slice_ssim": 0.6, "slice_ssim_sd": 0.01, "input_slice_ssim": 0.7}
    assert (
        "input as it came: 0.700 better than its input"
        in ParsedPage(render_html(report(model(**scores)))).text
    )
    assert "no better than its input" in ParsedPage(render_html(report(model(**losing)))).text


def test_lower_is_better_where_it_is():
    text = ParsedPage(render_html(report(model(slice_mse=0.1, input_slice_mse=0.2)))).text
    assert "no better" not in text


def test_the_page_says_what_the_distance_is_not():
    text = ParsedPage(render_html(report())).text
    assert "not FID" in text
    assert "synthetic" not in text
    assert "synthetic" in ParsedPage(render_html(report(notices=["synthetic"]))).text


def test_left_out_files_and_missing_models_are_named_with_the_reason():
    left_out = [LeftOutFile("a.nii.gz", "has shape (2, 2)")]
    shown = Report(
        models=[model()],
        datasets=[dataset(left_out=left_out, notes=["b.nii.gz: 3 voxels became 0"])],
        missing={"gan7": "has not been trained"},
        left_out=left_out,
    )
    text = ParsedPage(render_html(shown)).text
    assert text.count("has shape (2, 2)") == 2
    assert "3 voxels became 0" in text
    assert "gan7 : has not been trained" in text


def test_a_leaking_split_is_marked_wherever_its_numbers_stand():
    plain = ParsedPage(render_html(report(model("plain"))))
    assert "Test subjects were never trained on." in plain.text
    assert "leaking split" not in plain.text
    warning = "split 'tablado' puts slices of the same 7 subjects into train and test"
    leaking = replace(model("leaking"), warnings=[warning])
    shown = Report(
        models=[model("plain"), leaking],
        datasets=[dataset(name="clean"), dataset(warnings=[warning])],
    )
    page = ParsedPage(render_html(shown))
    assert "never trained on" not in page.text
    # In short, and in each of the tables: over all, what it restores, what it is and cost.
    assert page.text.count("⚠ leaking split") == 4
    assert "leaking ⚠ leaking split" in page.text
    assert page.text.count(f"Warning: {warning}") == 2
    assert f"heads Warning: {warning}" in page.text


@pytest.mark.parametrize("count", [1, 2, 9])
def test_any_number_of_models_fits(count):
    page = ParsedPage(render_html(report(*(model(f"m{i}") for i in range(count)))))
    lines = [a for tag, a in page.tags if tag == "th" and a.get("scope") == "row"]
    # Each in two tables over all, in the origins, and with three rows in a table of its own; one
    # number; the splits of the cohort.
    assert len(lines) == 6 * count + 1 + 3


def test_a_model_stands_in_the_tables_that_it_has_numbers_for():
    page = render_html(
        report(model("restorer", slice_ssim=0.9), model("generator", frechet_ratio=2.0))
    )
    titled = {}
    for part in page.split('<h3 id="table-')[1:]:
        heading, body = part.split("</h3>")[:2]
        titled[heading.split(">")[1]] = ParsedPage(body.split("</div>")[0] + "</div>").words
    assert "restorer" in titled["Restoring and reproducing slices"]
    assert "generator" not in titled["Restoring and reproducing slices"]
    assert "generator" in titled["Generating slices"]
    assert "restorer" not in titled["Generating slices"]
    assert {"restorer", "generator"} <= set(titled["Everything in one table"])
    assert {"restorer", "generator"} <= set(titled["What they are, and what training cost"])


def test_the_table_has_one_line_a_model_and_every_metric():
    table = list(
        csv.DictReader(StringIO(render_csv([model("a"), model("b", frechet_distance=1 / 3)])))
    )
    assert [row["model"] for row in table] == ["a", "b"]
    assert table[0]["slice_psnr_db"] == "30"
    assert table[0]["frechet_distance"] == ""
    assert table[1]["frechet_distance"] == "0.333333"
    assert {metric.name for metric in METRICS} <= set(table[0])
    assert len(metric_columns()) == len(set(metric_columns()))


def test_numbers_of_one_kind_each_stand_in_the_table_and_in_the_page():
    shown = model("a", **{"slice_ssim": 0.5, "blur/slice_ssim": 0.25, "blur/slice_ssim_low": 0.125})
    (row,) = csv.DictReader(StringIO(render_csv([shown])))
    assert row["blur/slice_ssim"] == "0.25"
    assert row["blur/slice_ssim_low"] == "0.125"
    assert "SSIM, whole slice: blur" in ParsedPage(render_html(report(shown))).text


def test_intervals_stand_below_their_number_and_are_explained():
    shown = model(slice_ssim=0.9, slice_ssim_low=0.85, slice_ssim_high=0.95)
    text = ParsedPage(render_html(report(shown))).text
    assert "0.900 0.850 to 0.950" in text
    assert "<name>_low" in text
    assert find_metric("slice_ssim").meaning in text


def test_a_section_shows_its_pictures_its_remarks_and_its_tables():
    page = ParsedPage(render_html(report()))
    assert "Too few patches were damaged." in page.text
    assert {"href": "tables/x/restoration_slices.csv"} in page.attributes("a")
    assert "Per slice (3 rows)" in page.text


@pytest.mark.parametrize(
    ("rows", "is_open", "is_shown"), [(12, True, True), (13, False, True), (151, False, False)]
)
def test_long_tables_are_folded_and_longer_ones_are_files_alone(rows, is_open, is_shown):
    section = SectionEntry("restoration", "Restoring", tables={"t": table(rows=rows)})
    page = ParsedPage(render_html(report(replace(model(), sections=[section]))))
    folded = [a for a in page.attributes("details") if "open" in a]
    assert bool(folded) == is_open
    assert ("Per slice (" in page.text) == is_shown
    assert {"href": "tables/x/restoration_slices.csv"} in page.attributes("a")


def test_the_key_of_a_quiz_is_hidden_until_it_is_asked_for():
    text = render_html(report(replace(model("vae"), sections=[quiz(), *sections()])))
    before, _, after = text.partition('<details class="key">')
    key = ParsedPage("<div>" + after.partition("</details>")[0] + "</div>").text
    assert "real 1, 3 generated 2" in key
    assert before.count("data:image/png") == 1, "the quiz comes before any other picture"
    assert "quiz_key" not in before
    assert "The key of vae" in key
    assert 'id="quiz-vae"' not in text, "it is not shown a second time"


def test_a_page_without_samplers_has_no_quiz():
    assert "Real or generated?" not in render_html(report())


def test_the_card_can_be_unfolded():
    page = ParsedPage(render_html(report()))
    assert {"class": "card"} in page.attributes("details")
    assert "Model card of unet Limits No diagnosis." in page.text


def test_tests_between_models_and_the_figure_of_time_are_shown():
    shown = report(tests=[table("paired_tests")], test_remarks=["Five are few."], pareto=picture())
    page = ParsedPage(render_html(shown))
    assert "Five are few." in page.text
    assert "tables/x/paired_tests.csv" in {a["href"] for a in page.attributes("a")}
    assert "Quality and time" in page.text
    assert "No two models were judged slice by slice" in ParsedPage(render_html(report())).text


def test_the_best_of_each_dataset_is_marked():
    models = [model("a", slice_psnr_db=30.0), model("b", slice_psnr_db=31.0)]
    alone = replace(model("c", slice_psnr_db=20.0), facts=model().facts | {"dataset": "tumours"})
    text = ParsedPage(render_html(report(*models, alone))).text
    assert text.count("★ best of its dataset") == 1
    assert "31.00 dB ★ best of its dataset" in text


def test_a_model_is_summed_up_with_its_gate():
    failed = replace(model(), refusals=["'frechet_ratio' is 31: the gate asks for at most 30"])
    text = ParsedPage(render_html(report(failed))).text
    assert "It does not pass its gate: 'frechet_ratio' is 31" in text
    assert (
        "It passes its gate." in ParsedPage(render_html(report(replace(model(), refusals=[])))).text
    )
