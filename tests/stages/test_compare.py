import csv
import json
import re
import shutil

import numpy as np
import pytest

from mrigen.bundle import bundle_digest
from mrigen.data.slicing.dataset import DatasetConfig
from mrigen.data.store.writing import write_store
from mrigen.errors import DataError, ModelError
from mrigen.evaluation.contents import write_judgements
from mrigen.evaluation.judgement import Judgement, Table
from mrigen.images import encode_png
from mrigen.models.build import build_network, count_parameters
from mrigen.page.document import Picture
from mrigen.project import Project
from mrigen.stages.compare import compare
from tiny_project import NETWORKS, params, scan, write_bundle, write_slices

SCORES = {
    "vae": {"damage_psnr_db": 20.5, "damage_psnr_db_sd": 1.0, "frechet_distance": 31.25},
    "gan": {"frechet_distance": 55.5, "frechet_floor": 5.0, "frechet_ratio": 11.1},
    "unet": {"damage_psnr_db": 30.0, "slice_ssim": 0.91, "input_slice_ssim": 0.8},
}


def slice_scores(model):
    stream = np.random.default_rng(len(model))
    better = 2.0 if model == "unet" else 0.0
    rows = [
        {"row": row, "subject": f"s{row // 6}", "clean_psnr_db": 20 + better + stream.random()}
        for row in range(60)
    ]
    return Table("Slices", "One line a slice.", ("row", "subject", "clean_psnr_db"), rows)


def write_evaluation(project, model, digest):
    folder = project.evaluation(model)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    evaluation = project.params.models[model].evaluation.model_dump(mode="json")
    evaluated = {"bundle": digest, "evaluation": evaluation}
    (folder / "evaluated.json").write_text(json.dumps(evaluated))
    picture = np.eye(16, dtype=np.uint8) * 200
    curves = Picture("Loss over training", "Terms over epochs.", encode_png(picture))
    judged = Judgement(
        metrics=SCORES[model],
        tables={} if model == "gan" else {"restoration_slices": slice_scores(model)},
        pictures={"curves": curves},
        remarks=["Few slices were damaged."],
    )
    write_judgements(folder, {"training": judged})


def write_timing(project, model):
    timing = {
        "bundle": bundle_digest(project.bundle(model)),
        "device": "a processor",
        "seconds": 62.0,
        "images_per_second": 321.0,
        "joules": 7.2e6,
        "mean_watts": 35.0,
        "energy_source": "a counter",
    }
    (project.model_folder(model) / "timing.json").write_text(json.dumps(timing))


@pytest.fixture
def project(tmp_path):
    project = Project(tmp_path, params())
    write_slices(project)
    for model in NETWORKS:
        write_evaluation(project, model, write_bundle(project, model))
    for model in ("vae", "unet"):
        write_timing(project, model)
    project.index.mkdir()
    left_out = [{"path": "data/broken.nii.gz", "reason": "has no voxels. Remove it."}]
    sources = {"ixi": {"notes": ["age is unknown for 2 of 8 subjects"]}}
    summary = {"left_out": left_out, "sources": sources}
    (project.index / "summary.json").write_text(json.dumps(summary))
    return project


def table(project):
    with (project.report / "comparison.csv").open(newline="") as file:
        return {row["model"]: row for row in csv.DictReader(file)}


def table_of(project):
    compare(project)
    return table(project)


def test_every_model_stands_in_the_page_and_the_table(project):
    page = compare(project)
    assert page == project.report / "index.html"
    text = page.read_text()
    for words in ("31.25", "55.50", "0.910", "input as it came: 0.800", "62 s", "a processor"):
        assert words in text
    # Curves, the contact sheet, and one figure over all: two models are timed.
    assert text.count("data:image/png;base64,") == 3 + 1 + 1
    rows = table(project)
    assert list(rows) == list(NETWORKS)
    assert rows["gan"]["frechet_ratio"] == "11.1"
    assert rows["vae"]["images_per_second"] == "321"
    assert rows["unet"]["epochs"] == "2"


def test_parameters_are_counted_without_the_weights(project):
    compare(project)
    for model, row in table(project).items():
        network = build_network(project.params.models[model].network, 32)
        counted = int(row["parameters_trainable"]), int(row["parameters_total"])
        assert counted == count_parameters(network)


def test_the_cohort_is_described(project):
    text = compare(project).read_text()
    assert "data/broken.nii.gz" in text
    assert "has no voxels. Remove it." in text
    assert "age is unknown for 2 of 8 subjects" in text
    assert "20 to 27 years" in text
    assert "f 8" in text


def test_models_of_a_leaking_split_are_marked(project):
    assert table_of(project)["vae"]["split"] == "subjects"
    values = project.params.datasets["heads"].model_dump() | {"split": {"leaking": "tablado"}}
    leaking = DatasetConfig.model_validate(values)
    scans = (scan(number, "ixi/IXI", slices=12) for number in range(5))
    write_store(project.processed("heads"), scans, config=leaking)
    write_evaluation(project, "unet", write_bundle(project, "unet"))
    assert table_of(project)["unet"]["split"] == "leaking: tablado"
    assert table_of(project)["vae"]["split"] == "subjects"  # as it was trained
    text = (project.report / "index.html").read_text()
    # In short, and in the tables over all, of what it restores, of what it is.
    assert text.count("leaking split</strong>") == 4
    assert text.count("Warning: split &#39;tablado&#39; puts slices of the same 5 subjects") == 2
    assert "never trained on" not in text


def test_synthetic_data_are_called_synthetic(project):
    assert "The data behind this report are synthetic" in compare(project).read_text()
    write_slices(project, name="ixi/IXI")
    assert "The data behind this report are synthetic" not in compare(project).read_text()


def test_datasets_that_are_synthetic_among_others_are_named(project):
    config = project.params.datasets["heads"]
    scans = [scan(number, "ixi/IXI") for number in range(8)]
    write_store(project.processed("real"), scans, config=config)
    params = project.params.model_copy(update={"datasets": {"heads": config, "real": config}})
    text = compare(Project(project.root, params)).read_text()
    assert "The data behind this report are synthetic" not in text
    assert "synthetic: computed volumes, not people (heads)." in text
    assert "The other datasets are not declared synthetic" in text


@pytest.mark.parametrize("value", ["null", "true", '"high"', "NaN", "[1]", "1e999"])
def test_a_metric_that_is_no_number_is_a_data_error(project, value):
    (project.evaluation("vae") / "metrics.json").write_text(f'{{"slice_ssim": {value}}}')
    with pytest.raises(
        DataError, match=r"slice_ssim .*: expected a finite number\. Run: mrigen ev"
    ):
        compare(project)


@pytest.mark.parametrize(
    ("summary", "words"),
    [
        ({"left_out": [{"reason": "small"}]}, r"'left_out\.0\.path' is missing"),
        ({"left_out": ["a"]}, r"'left_out\.0' is 'a': expected"),
        ({"left_out": None}, "'left_out' is None: expected a list"),
        ({"notes": [1]}, r"'notes\.0' is 1"),
        ({"sources": {"ixi": []}}, r"'sources\.ixi' is \[\]: expected a block of keys"),
    ],
)
def test_a_damaged_summary_is_a_data_error(project, summary, words):
    (project.index / "summary.json").write_text(json.dumps(summary))
    with pytest.raises(DataError, match=rf"summary\.json' is damaged: {words}.*Run the stage"):
        compare(project)


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.*")}


def test_twice_gives_the_same_files(project):
    compare(project)
    first = files(project.report)
    compare(project)
    assert files(project.report) == first


def test_every_file_of_the_report_is_there_and_linked(project):
    text = compare(project).read_text()
    found = set(files(project.report))
    assert found == {
        "index.html", "comparison.csv", "figures/pareto.png",
        "tables/paired_summary.csv", "tables/paired_tests.csv",
        *(f"tables/{model}/restoration_slices.csv" for model in ("vae", "unet")),
        *(f"model_cards/{model}.md" for model in NETWORKS),
    }  # fmt: skip
    linked = re.findall(r'href="([^"#:]+)"', text)
    assert {address for address in linked if address != "data:,"} <= found
    assert "tables/unet/restoration_slices.csv" in linked
    with (project.report / "tables" / "paired_tests.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["model_a"], row["model_b"]) == ("vae", "unet")
    assert row["verdict"] == "unet is better"
    assert "unet is better" in text


def test_remarks_of_judges_are_shown_and_on_the_card(project):
    text = compare(project).read_text()
    assert text.count("Few slices were damaged.") == 6
    card = (project.report / "model_cards" / "vae.md").read_text()
    assert "The training: Few slices were damaged." in card
    assert "2 kWh, 35 W on average, of a counter" in card


def test_models_without_times_have_no_figure_of_time(project):
    for model in NETWORKS:
        (project.model_folder(model) / "timing.json").unlink(missing_ok=True)
    assert "Quality and time" not in compare(project).read_text()
    assert not list((project.report / "figures").iterdir())


def test_a_missing_figure_is_named(project):
    (project.evaluation("vae") / "figures" / "curves.png").unlink()
    with pytest.raises(DataError, match=r"curves\.png' cannot be read.*mrigen evaluate vae"):
        compare(project)


def test_models_that_cannot_be_compared_are_named_with_what_to_do(project, caplog):
    write_bundle(project, "unet", seed=1)
    (project.evaluation("gan") / "metrics.json").unlink()
    text = compare(project).read_text()
    assert "mrigen evaluate unet" in text
    assert "mrigen evaluate gan" in text
    assert list(table(project)) == ["vae"]
    assert "mrigen evaluate unet" in caplog.text


def test_nothing_to_compare_is_an_error_that_keeps_the_old_report(project):
    before = compare(project).read_bytes()
    for model in NETWORKS:
        (project.evaluation(model) / "evaluated.json").unlink()
    with pytest.raises(ModelError, match=r"no model can be compared.*mrigen evaluate vae"):
        compare(project)
    assert (project.report / "index.html").read_bytes() == before


@pytest.mark.parametrize("content", ["", "[1]", "{"])
def test_damaged_files_are_named(project, content):
    path = project.evaluation("vae") / "metrics.json"
    path.write_text(content)
    with pytest.raises(DataError, match=r"metrics\.json"):
        compare(project)
    (project.model_folder("vae") / "timing.json").write_text(content)
    write_evaluation(project, "vae", write_bundle(project, "vae"))
    with pytest.raises(DataError, match=r"timing\.json"):
        compare(project)
