import tracemalloc

import pytest

import phantoms
from mrigen.data.layouts.config import SourceConfig
from mrigen.data.layouts.ixi_table import read_ixi_people
from mrigen.data.layouts.people import Person
from mrigen.data.layouts.place import Place
from mrigen.errors import DataError

ROWS = [(12, 1, 1, 38.5), (13, 2, 4, None), (14, 1, 0, 0), (15, 3, 2, 300)]


def read(folder):
    return read_ixi_people(Place(folder, "ixi", SourceConfig(layout="ixi", path=".")))


@pytest.mark.parametrize("name", ["IXI.csv", "IXI.xls"])
def test_both_tables_tell_the_same(tmp_path, name):
    write = phantoms.write_ixi_csv if name.endswith("csv") else phantoms.write_ixi_xls
    write(tmp_path / name, ROWS)
    people = read(tmp_path)
    assert people.known == {
        "12": Person(38.5, "m", "White"),
        "13": Person(None, "f", "Black or Black British"),
        "14": Person(None, "m", None),
        "15": Person(None, None, "code 2"),
    }
    assert people.notes == ()


def test_rows_that_contradict_each_other_make_a_person_unknown(tmp_path):
    rows = [(1, 1, 1, 60), (1, 2, 1, 60), (2, 1, 1, 40), (2, 1, 1, 45), (3, 1, 1, 30)]
    phantoms.write_ixi_csv(tmp_path / "IXI.csv", rows)
    people = read(tmp_path)
    assert people.find("1") == people.find("2") == Person()
    assert people.find("3") == Person(30.0, "m", "White")
    assert people.notes == (
        "IXI.csv has rows that contradict each other for 2 persons, whose age, sex and ethnicity "
        "are unknown: IXI_ID 001, 002",
    )


def test_rows_that_agree_complete_each_other(tmp_path):
    phantoms.write_ixi_csv(tmp_path / "IXI.csv", [(1, 1, 0, 60), (1, 1, 3, None)])
    people = read(tmp_path)
    assert people.known == {"1": Person(60.0, "m", "Asian or Asian British")}
    assert people.notes == ("IXI.csv has several rows, which agree, for 1 persons",)


def test_without_a_table_nobody_is_known(tmp_path):
    people = read(tmp_path)
    assert people.known == {}
    assert people.notes == ("no IXI.csv or IXI.xls: age and sex are unknown",)
    assert people.missing({"IXI001": "1"}) == []


def test_the_csv_wins_and_that_is_said(tmp_path):
    phantoms.write_ixi_csv(tmp_path / "IXI.csv", [(1, 1, 1, 50)])
    phantoms.write_ixi_xls(tmp_path / "IXI.xls", [(1, 2, 1, 20)])
    people = read(tmp_path)
    assert people.find("1").sex == "m"
    assert people.notes == ("IXI.csv is read; IXI.xls is not",)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("IXI.csv", b"", "has no rows"),
        ("IXI.csv", b"IXI_ID,AGE\n1,30\n", r"has no column 'SEX_ID \(1=m, 2=f\)'"),
        ("IXI.csv", b"\xff\xfe\x00", "not readable as UTF-8 text"),
        ("IXI.xls", b"", "not readable as a spreadsheet"),
        ("IXI.xls", b"not a spreadsheet", "not readable as a spreadsheet"),
        ("IXI.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "not readable as a spread"),
        ("IXI.xls", b"PK\3\4" + bytes(600), "not readable as a spreadsheet"),
    ],
)
def test_a_damaged_table_is_a_data_error(tmp_path, name, content, words, capsys):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=words):
        read(tmp_path)
    assert capsys.readouterr().out == ""


def test_a_table_that_is_a_link_out_of_the_project_is_not_read(tmp_path):
    phantoms.write_ixi_csv(tmp_path / "elsewhere/IXI.csv", [(1, 1, 1, 50)])
    (tmp_path / "project").mkdir()
    (tmp_path / "project/IXI.csv").symlink_to(tmp_path / "elsewhere/IXI.csv")
    with pytest.raises(DataError, match=r"'IXI\.csv' is a symbolic link out of the cohort"):
        read(tmp_path / "project")


def test_columns_that_nobody_asked_for_are_not_held(tmp_path):
    phantoms.write_ixi_csv(tmp_path / "IXI.csv", [(12, 1, 1, 38.5)])
    heading, row = (tmp_path / "IXI.csv").read_text().splitlines()
    others = "".join(f",{number}" for number in range(5000))
    (tmp_path / "IXI.csv").write_text("\n".join([heading + others, *[row] * 500, ""]))
    tracemalloc.start()
    try:
        assert read(tmp_path).find("12") == Person(38.5, "m", "White")
        assert tracemalloc.get_traced_memory()[1] < 2**25
    finally:
        tracemalloc.stop()


def test_a_table_too_large_for_people_is_not_read(tmp_path):
    phantoms.write_ixi_xls(tmp_path / "IXI.xls", ROWS)
    with (tmp_path / "IXI.xls").open("ab") as file:
        file.truncate(2**24 + 1)
    with pytest.raises(DataError, match=r"'IXI.xls' is not readable .* \(more than 16777216 bytes"):
        read(tmp_path)


def test_a_damaged_spreadsheet_is_a_table_or_one_sentence(tmp_path):
    phantoms.write_ixi_xls(tmp_path / "IXI.xls", ROWS)
    whole = (tmp_path / "IXI.xls").read_bytes()
    refused = 0
    for place in range(len(whole)):
        for wrong in (b"\xff\xff", b"\0\0"):
            damaged = whole[:place] + wrong + whole[place + len(wrong) :]
            (tmp_path / "IXI.xls").write_bytes(damaged)
            try:
                read(tmp_path)
            except DataError:
                refused += 1
    assert refused > len(whole) / 3
