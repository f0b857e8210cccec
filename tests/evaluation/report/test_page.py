import csv
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest

from mrigen.evaluation.catalogue.listing import METRICS, metric_columns
from mrigen.evaluation.report.page import (
    DatasetEntry,
    LeftOutFile,
    ModelEntry,
    Report,
    render_csv,
    render_html,
)
from mrigen.images import encode_png
from mrigen.page.document import Picture
from parsed_page import ParsedPage


def picture():
    return Picture("Samples", "left generated, right real", encode_png(np.eye(8, dtype=np.uint8)))


def model(name="unet", **metrics):
    return ModelEntry(
        name=name,
        facts={"network": "unet", "dataset": "heads", "parameters_trainable": 1234, "epochs": 3},
        timing={"device": "a processor", "seconds": 12.5},
        metrics=metrics or {"slice_psnr_db": 30.0, "slice_psnr_db_sd": 1.0},
        origin={"bundle": "ab" * 32, "git_commit": "cd" * 20},
        params={"training.epochs": "3"},
        pictures=[picture()],
    )


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
            assert address is None or address.startswith(("data:", "#"))
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
    targets = {a["href"][1:] for a in tags["a"]}
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
    clean = {"slice_ssim": 0.5, "slice_ssim_sd": 0.01}
    assert (
        "input as it came: 0.700 better than its input"
        in ParsedPage(render_html(report(model(**scores)))).text
    )
    assert "no better than its input" in ParsedPage(render_html(report(model(**losing)))).text
    assert "from clean slices" in ParsedPage(render_html(report(model(**clean)))).text


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
    # In each of the tables: what it is, what it restores, what it cost.
    assert page.text.count("⚠ leaking split") == 3
    assert "leaking ⚠ leaking split" in page.text
    assert page.text.count(f"Warning: {warning}") == 2
    assert f"heads Warning: {warning}" in page.text


@pytest.mark.parametrize("count", [1, 2, 9])
def test_any_number_of_models_fits(count):
    page = ParsedPage(render_html(report(*(model(f"m{i}") for i in range(count)))))
    lines = [a for tag, a in page.tags if tag == "th" and a.get("scope") == "row"]
    # Each in three tables and in the origins; the splits of the cohort.
    assert len(lines) == 4 * count + 3


def test_a_model_stands_in_the_tables_that_it_has_numbers_for():
    page = render_html(
        report(model("restorer", slice_ssim=0.9), model("generator", frechet_ratio=2.0))
    )
    titled = {}
    for part in page.split('<h3 id="table-')[1:]:
        heading, body = part.split("</h3>")[:2]
        titled[heading.split(">")[1]] = ParsedPage(body.split("</div>")[0] + "</div>").words
    assert "restorer" in titled["Restoring and reproducing test slices"]
    assert "generator" not in titled["Restoring and reproducing test slices"]
    assert "generator" in titled["Generating slices"]
    assert "restorer" not in titled["Generating slices"]
    assert {"restorer", "generator"} <= set(titled["The models"])


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
