from pathlib import Path

import pytest

import phantoms
import small_cohorts
from mrigen.config import parse_config
from mrigen.data.sources import SourceConfig, find_scans, read_scans, write_scans
from mrigen.errors import ConfigError, DataError

IXI = SourceConfig(layout="ixi", path="data/ixi")
DECATHLON = SourceConfig(layout="decathlon", path="data/Task01")


def test_names_that_differ_in_capitals_are_one_subject(tmp_path):
    folder = tmp_path / "data/ixi"
    for number, name in enumerate(("anna.nii.gz", "Anna.nii.gz", "bert.nii.gz")):
        small_cohorts.small_head(folder / name, seed=number)
    found = find_scans(tmp_path, "s", SourceConfig(layout="folder", path="data/ixi"))
    assert [scan.subject for scan in found.scans] == ["s/Anna", "s/Anna", "s/bert"]
    assert "Anna, anna are taken for one subject" in found.notes


def test_the_same_files_are_found_in_the_same_order(tmp_path, monkeypatch):
    small_cohorts.write_bids(tmp_path / "data/ixi", sessions=["1", "2"], suffixes=["T1w", "T2w"])
    config = SourceConfig(layout="bids", path="data/ixi")
    first = find_scans(tmp_path, "s", config)
    listed = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda path: reversed([*listed(path)]))
    assert find_scans(tmp_path, "s", config) == first
    assert [scan.path for scan in first.scans] == sorted(scan.path for scan in first.scans)


def test_missing_or_unreadable_places_are_data_errors(tmp_path):
    with pytest.raises(DataError, match="source 'ixi' lies in 'data/ixi', which is not a folder"):
        find_scans(tmp_path, "ixi", IXI)
    folder = tmp_path / "data/Task01"
    folder.mkdir(parents=True)
    with pytest.raises(DataError, match=r"'Task01/dataset\.json' does not exist"):
        find_scans(tmp_path, "tumours", DECATHLON)
    (folder / "dataset.json").write_text("{")
    with pytest.raises(DataError, match="not readable JSON"):
        find_scans(tmp_path, "tumours", DECATHLON)


@pytest.mark.parametrize("path", ["/data", "../data", "data/../../x", ""])
def test_a_source_lies_inside_the_project(path):
    with pytest.raises(ConfigError, match="'path' is"):
        parse_config(SourceConfig, {"layout": "ixi", "path": path}, source="params.yaml")


def test_the_index_reads_back_as_written(tmp_path):
    phantoms.write_ixi(tmp_path / "data/ixi", subjects=2, table=False)
    phantoms.write_decathlon(tmp_path / "data/Task01", subjects=1)
    scans = find_scans(tmp_path, "a", IXI)[0] + find_scans(tmp_path, "b", DECATHLON)[0]
    write_scans(tmp_path / "scans.parquet", scans)
    assert read_scans(tmp_path / "scans.parquet") == scans


def test_a_missing_or_damaged_index_says_what_to_run(tmp_path):
    with pytest.raises(DataError, match="does not exist: run 'mrigen index'"):
        read_scans(tmp_path / "scans.parquet")
    (tmp_path / "scans.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(DataError, match="run 'mrigen index'"):
        read_scans(tmp_path / "scans.parquet")
