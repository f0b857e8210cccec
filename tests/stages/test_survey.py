import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import phantoms
from mrigen.cli import main
from mrigen.data.slicing.dataset import DatasetConfig
from mrigen.data.sources import SourceConfig
from mrigen.errors import ConfigError, DataError
from mrigen.project import Params, Project
from mrigen.stages.index import index
from mrigen.stages.slices import slices
from mrigen.stages.survey import survey
from parsed_page import ParsedPage

SPLIT = {"train": 0.5, "validation": 0.25, "test": 0.25}
MIDDLE = {"by": "fraction", "start": 0.4, "stop": 0.6}
DATASETS = {
    "heads": {"source": "ixi", "size": 32, "selection": MIDDLE, "split": SPLIT},
    "sides": {"source": "ixi", "plane": "sagittal"},
    "tumours": {
        "source": "decathlon",
        "modalities": ("FLAIR", "T2w"),
        "brain_mask": {"by": "nonzero"},
        "selection": {"by": "all", "content": {"rule": "brain", "above": 0.125}},
    },
}


@pytest.fixture
def project(tmp_path):
    phantoms.write_ixi(tmp_path / "data/ixi", subjects=6)
    phantoms.write_decathlon(tmp_path / "data/decathlon", subjects=3)
    names = ("ixi", "decathlon")
    params = Params.model_construct(
        sources={name: SourceConfig(layout=name, path=f"data/{name}") for name in names},
        datasets={name: DatasetConfig.model_validate(value) for name, value in DATASETS.items()},
        models={},
    )
    return Project(tmp_path, params)


@pytest.fixture
def undrawn(monkeypatch):
    """Numbers without figures, which take a second."""
    monkeypatch.setattr("mrigen.stages.survey.render_survey", lambda survey: survey.source)


def drawn(project, *names, **options):
    out = project.root / "out"
    page = survey(project, *names, out=out, workers=1, progress=False, **options)
    numbers = json.loads((out / "survey.json").read_text(encoding="utf-8"))
    return ParsedPage(page.read_text(encoding="utf-8")).text, numbers


def test_a_source_is_drawn_without_an_index_or_a_dataset(project):
    text, numbers = drawn(project, "ixi")
    assert text.count("Cohort ixi") == 1
    assert "Axial slices: T1w" in text
    assert numbers["cohort"]["subjects"] == 6
    assert numbers["slices"]["T1w"]["slices"] == 6 * 26
    assert numbers["splits"] is None
    assert {path.name for path in (project.root / "out").iterdir()} == {"index.html", "survey.json"}


def test_the_plane_is_that_of_the_dataset_or_the_one_asked_for(undrawn, project):
    assert drawn(project, dataset="sides")[1]["plane"] == "sagittal"
    numbers = drawn(project, "ixi", plane="coronal")[1]
    assert (numbers["plane"], numbers["slices"]["T1w"]["slices"]) == ("coronal", 6 * 28)


def test_pictures_are_seen_in_the_plane_that_they_show(undrawn, project):
    for number in range(1, 4):
        path = project.root / f"data/png/s{number}_001.png"
        path.parent.mkdir(exist_ok=True)
        noise = np.random.default_rng(number).integers(0, 255, (8, 8))
        Image.fromarray(noise.astype(np.uint8)).save(path)
    pattern = r"(?P<subject>s\d)_(?P<index>\d+)"
    values = {"layout": "pictures", "path": "data/png", "subject": pattern, "plane": "coronal"}
    project.params.sources["png"] = SourceConfig.model_validate(values)
    numbers = drawn(project, "png", plane="axial")[1]
    assert numbers["plane"] == "coronal"
    assert numbers["slices"]["T1w"]["slices"] == 3


def test_a_dataset_that_is_not_cut_is_said_to_be_so(undrawn, project):
    _, numbers = drawn(project, dataset="heads")
    assert "run mrigen slices heads to see its pixels" in numbers["notes"][-1]
    assert numbers["splits"] is None


def test_a_dataset_that_is_cut_shows_its_splits_and_pixels(project):
    index(project)
    store = slices(project, "heads", workers=1, progress=False)
    text, numbers = drawn(project, dataset="heads")
    assert "Splits of dataset heads" in text
    expected = store.manifest.groupby("split")["subject"].nunique().to_dict()
    assert {split: part["subjects"] for split, part in numbers["splits"].items()} == expected
    assert "not been cut" not in text


def test_a_dataset_brings_its_modalities_its_masks_and_its_cut(undrawn, project):
    _, numbers = drawn(project, dataset="tumours")
    assert list(numbers["slices"]) == ["FLAIR", "T2w"]
    rule = numbers["slices"]["T2w"]["rules"][-1]
    assert (rule["measure"], rule["value"]) == ("brain_fraction", 0.125)
    assert 0 < rule["kept"] < rule["slices"]
    assert numbers["slices"]["T2w"]["brain_ranges"]["scans"] == 3


def test_damage_is_left_out_with_the_reason(undrawn, project):
    path = min((project.root / "data/ixi/IXI-T1").iterdir())
    phantoms.truncate(path, 0.7)
    _, numbers = drawn(project, "ixi")
    assert [entry["path"].rpartition("/")[2] for entry in numbers["left_out"]] == [path.name]
    assert numbers["cohort"]["subjects"] == 5


def test_nothing_usable_is_a_sentence_and_leaves_nothing(undrawn, project):
    for path in (project.root / "data/ixi/IXI-T1").iterdir():
        phantoms.truncate(path, 0.7)
    with pytest.raises(DataError, match="no scan of source 'ixi' can be used: the first because"):
        drawn(project, "ixi")
    assert not (project.root / "out").exists()


def test_what_cannot_be_chosen_says_what_can(project):
    with pytest.raises(ConfigError, match="several sources: name one of 'ixi', 'decathlon'"):
        drawn(project)
    with pytest.raises(ConfigError, match="source 'hands' is not in params"):
        drawn(project, "hands")
    with pytest.raises(ConfigError, match="'tumours' is cut from source 'decathlon', not 'ixi'"):
        drawn(project, "ixi", dataset="tumours")
    with pytest.raises(ConfigError, match="dataset 'hands' is not in params"):
        drawn(project, dataset="hands")


def test_only_a_report_is_replaced(undrawn, project):
    drawn(project, "ixi")
    drawn(project, "decathlon")
    (project.root / "out/thesis.doc").write_text("years of work")
    with pytest.raises(DataError, match=r"holds 'thesis\.doc', which is not of a report"):
        drawn(project, "ixi")
    assert (project.root / "out/thesis.doc").exists()
    with pytest.raises(DataError, match=r"thesis\.doc"):
        survey(project, "ixi", out=project.root / "out/thesis.doc", workers=1, progress=False)


def test_a_page_by_itself_is_not_taken_for_a_report(undrawn, project):
    page = project.root / "out/index.html"
    page.parent.mkdir()
    page.write_text("somebody's")
    with pytest.raises(DataError, match=r"holds 'index\.html', which is not of a report"):
        drawn(project, "ixi")
    assert page.read_text() == "somebody's"


def test_the_bytes_do_not_depend_on_the_number_of_workers(project):
    pages = []
    for workers in (1, 2):
        page = survey(project, "ixi", out=project.root / "out", workers=workers, progress=False)
        pages.append(page.read_bytes())
    assert pages[0] == pages[1]


def test_the_command_prints_where_the_page_is(undrawn, project, monkeypatch):
    monkeypatch.setattr("mrigen.project.load_project", lambda _: project)
    out = project.root / "out"
    answer = CliRunner().invoke(
        main, ["-q", "data", "report", "ixi", "--out", str(out), "--workers", "1"]
    )
    assert (answer.exit_code, answer.stdout) == (0, f"report: {out / 'index.html'}\n")
