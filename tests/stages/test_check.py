import json
import os

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from rich.console import Console

import phantoms
from mrigen.cli import main
from mrigen.cli.findings import show_findings
from mrigen.config import parse_config, read_yaml
from mrigen.data.survey.findings import source_name
from mrigen.errors import ConfigError, DataError
from mrigen.project import Params
from mrigen.stages.check import check


@pytest.fixture
def cohort(tmp_path):
    phantoms.write_ixi(tmp_path / "data/ixi", subjects=4)
    return tmp_path / "data/ixi"


def looked_at(path, **options):
    return check(path, project=path.parent.parent, workers=1, progress=False, **options)


def said(*words):
    answer = CliRunner().invoke(main, ["-q", *map(str, words)])
    return answer.exit_code, answer.stdout, answer.stderr


def test_a_release_is_recognised_and_described(cohort):
    code, text, errors = said("-C", cohort.parent.parent, "data", "check", cohort, "--workers", 1)
    assert (code, errors) == (0, "")
    assert f"{cohort}: the layout 'ixi', as it holds the folder IXI-T1" in text
    assert "subjects: 4, files: 4, scans: 4" in text
    assert "sites (subjects): HH 2, Guys 1, IOP 1" in text
    assert "ages: 21.5 to 24.5 years, known of 4 subjects" in text
    assert "1      PSR   28 x 26 x 24  8 x 8 x 8  int16" in text
    assert "left out" not in text


def test_the_lines_for_params_read_the_folder(cohort, tmp_path):
    lines = looked_at(cohort).advice
    assert lines[1:] == ("  ixi:", "    layout: ixi", "    path: data/ixi")
    outside = check(cohort, project=tmp_path / "project", workers=1, progress=False).advice
    assert outside[0] == f"# the folder lies elsewhere: ln -s {cohort} data/ixi"


def test_the_lines_for_params_keep_the_options_and_are_yaml(tmp_path):
    folder = tmp_path / "data/My slices: #1"
    for name in ("sub_1/001.png", "sub_1/002.png", "sub_2/001.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(len(name)).integers(0, 255, (8, 8))
        Image.fromarray(noise.astype(np.uint8)).save(folder / name)
    findings = looked_at(folder)
    assert findings.cohort["subjects"] == 2
    (tmp_path / "lines.yaml").write_text("\n".join(findings.advice), encoding="utf-8")
    values = read_yaml(tmp_path / "lines.yaml") | {"datasets": {}, "models": {}}
    source = values["sources"]["my_slices_1"]
    config_type = Params.model_fields["sources"].annotation.__args__[1]
    config = parse_config(config_type, source, source="lines")
    assert config.path == "data/My slices: #1"
    assert (config.layout, config.plane) == ("pictures", "axial")
    assert "?P<subject>" in config.subject


def test_many_files_are_grouped(tmp_path):
    phantoms.write_ixi(tmp_path / "data/ixi", subjects=14)
    _, text, _ = said("data", "check", tmp_path / "data/ixi", "--workers", 1)
    assert "14     PSR" in text
    assert "and 12 more" in text


def test_damage_is_told_with_the_reason_and_the_rest_goes_on(cohort):
    first, second, *_ = sorted((cohort / "IXI-T1").iterdir())
    phantoms.truncate(first, 0.7)
    second.write_bytes(b"no image")
    code, text, _ = said("data", "check", cohort, "--workers", 1)
    assert code == 0
    assert "left out (2):" in text
    assert f"  IXI-T1/{first.name}: scan '{first.name}'" in text
    assert "subjects: 2, files: 2" in text


def test_headers_alone_do_not_find_a_file_that_is_cut_off(cohort):
    phantoms.truncate(min((cohort / "IXI-T1").iterdir()), 0.7)
    quick = looked_at(cohort, quick=True)
    assert (len(quick.files), len(quick.left_out)) == (4, 0)
    assert all(file.scans == () for file in quick.files)
    assert len(looked_at(cohort).left_out) == 1
    _, text, _ = said("data", "check", cohort, "--quick", "--workers", 1)
    assert "only headers were read" in text


def test_nothing_usable_is_the_whole_list_and_exit_code_2(cohort):
    for path in (cohort / "IXI-T1").iterdir():
        path.write_bytes(b"no image")
    code, text, errors = said("data", "check", cohort, "--workers", 1)
    assert code == 2
    assert "left out (4):" in text
    assert errors.startswith(f"mrigen: nothing in '{cohort}' can be used, 4 files are left out: t")
    assert errors.count("\n") == 1


def test_equal_heads_under_two_names_are_told(cohort):
    first, second, *_ = sorted((cohort / "IXI-T1").iterdir())
    second.write_bytes(first.read_bytes())
    remarks = " ".join(looked_at(cohort).remarks)
    assert f"different subjects hold the same image ({first.name}, {second.name})" in remarks


@pytest.mark.parametrize("name", ["missing", "empty"])
def test_no_cohort_is_a_sentence(tmp_path, name):
    (tmp_path / "empty").mkdir()
    code, text, errors = said("data", "check", tmp_path / name)
    assert (code, text) == (2, "")
    assert errors.startswith(f"mrigen: '{tmp_path / name}' ")
    assert errors.count("\n") == 1


def test_one_volume_and_one_picture_can_be_looked_at(cohort, tmp_path):
    path = min((cohort / "IXI-T1").iterdir())
    findings = looked_at(path)
    assert [file.facts.orientation for file in findings.files] == ["PSR"]
    assert findings.advice == (f"# to use it, see: mrigen data check {path.parent}",)
    Image.fromarray(np.eye(8, dtype=np.uint8)).save(tmp_path / "slice.png")
    assert looked_at(tmp_path / "slice.png").files[0].facts.shape == (8, 8)
    (tmp_path / "note.txt").write_text("hello")
    with pytest.raises(DataError, match=r"nothing in .* has no NIfTI header"):
        looked_at(tmp_path / "note.txt").require_usable()


def test_every_channel_of_one_file_is_looked_at(tmp_path):
    path = phantoms.write_decathlon(tmp_path / "cases", subjects=1)[0]
    (file,) = looked_at(path).files
    assert file.facts.channels == 4
    assert [scan.channel for scan in file.scans] == [0, 1, 2, 3]


def test_a_layout_can_be_asked_for(cohort):
    findings = looked_at(cohort, layout="folder")
    assert findings.recognised == "the layout 'folder', as it was asked for"
    assert len(findings.files) == 4
    with pytest.raises(ConfigError, match=r"--layout pictures: .*subject"):
        looked_at(cohort, layout="pictures")


def test_json_holds_everything_in_ascii(cohort):
    code, text, _ = said("data", "check", cohort, "--json", "--workers", 1)
    values = json.loads(text)
    assert code == 0
    assert text.isascii()
    assert values["cohort"]["subjects"] == 4
    assert {file["orientation"] for file in values["files"]} == {"PSR"}
    scan = values["files"][0]["scans"][0]
    assert scan["minimum"] < scan["percentiles"]["50"] < scan["maximum"]
    assert values["params"][0].startswith("#")


EVIL = "\x1b[31mred\x1b[0m [bold]x \u202etxt.nii"


@pytest.mark.parametrize("terminal", [True, False])
def test_names_from_a_disk_do_not_command_the_terminal(tmp_path, terminal):
    folder = tmp_path / "data/odd\x1b[31m"
    phantoms.write_volume(folder / "[bold]good[@x].nii", phantoms.head())
    phantoms.write_volume(folder / EVIL, phantoms.head())
    console = Console(force_terminal=terminal, no_color=True, width=200)
    with console.capture() as capture:
        show_findings(looked_at(folder, layout="folder"), console)
    text = capture.get()
    assert "[bold]good[@x].nii" in text
    assert "\x1b[31m" not in text
    assert "\u202e" not in text
    assert "\\x1b[31mred" in text


def test_lines_are_never_broken_where_there_is_no_terminal(tmp_path):
    folder = tmp_path / "data/odd"
    name = "n" * 180 + ".nii"
    phantoms.write_volume(folder / name, phantoms.head())
    (folder / f"b{name}").write_bytes(b"no image")
    _, text, _ = said("data", "check", folder, "--layout", "folder", "--workers", 1)
    assert any(line.endswith(name) and "RAS" in line for line in text.splitlines())
    assert any(f"b{name}: scan 'b{name}' has no" in line for line in text.splitlines())


@pytest.mark.parametrize(
    ("folder", "name"),
    [("IXI", "ixi"), ("Ångström", "ngstr_m"), ("", "cohort"), ("7T", "cohort_7t"), ("-", "cohort")],
)
def test_any_folder_gives_a_name_that_params_accepts(folder, name):
    assert source_name(folder) == name


def test_two_workers_find_the_same(cohort):
    two = check(cohort, project=cohort.parent.parent, workers=2, progress=False)
    assert two.to_json() == looked_at(cohort).to_json()


@pytest.mark.parametrize("whole_folder", [True, False])
def test_links_out_of_the_folder_are_followed_when_asked(cohort, tmp_path, whole_folder):
    place = tmp_path / "other/heads"
    place.mkdir(parents=True)
    if whole_folder:
        (place / "a").symlink_to(cohort / "IXI-T1")
    else:
        for path in (cohort / "IXI-T1").iterdir():
            (place / path.name).symlink_to(path)
        code, _, errors = said("data", "check", place, "--workers", 1)
        assert code == 2
        assert "'mrigen data check' follows links with --follow-links." in errors
    code, text, errors = said("data", "check", place, "--follow-links", "--workers", 1)
    assert (code, errors) == (0, "")
    assert "files: 4," in text
    assert "    follow_links: true" in text


def test_what_is_no_file_is_a_sentence(tmp_path):
    os.mkfifo(tmp_path / "a.nii.gz")
    with pytest.raises(DataError, match=r"a\.nii\.gz' is not an ordinary file: expected a folder"):
        looked_at(tmp_path / "a.nii.gz")
