import pytest

from mrigen.data.slicing.slice_tables import Stretch, read_slice_table
from mrigen.errors import ConfigError

HEADER = "vol,n_slices,first,last,n_selected,split\n"
ROW = "IXI002-Guys-0828-T1,150,22,127,106,trainval\n"


def test_the_table_of_the_study(tmp_path):
    text = f"\ufeff{HEADER}{ROW}é.nii.gz,9,0,0,1,test\n"
    (tmp_path / "ranges.csv").write_text(text, encoding="utf-8")
    expected = {"IXI002-Guys-0828-T1": Stretch(22, 127), "é": Stretch(0, 0)}
    assert read_slice_table(tmp_path, "ranges.csv") == expected


def test_a_table_is_read_once_and_again_when_it_has_changed(tmp_path):
    path = tmp_path / "ranges.csv"
    path.write_text(HEADER + ROW)
    first = read_slice_table(tmp_path, "ranges.csv")
    assert read_slice_table(tmp_path, "ranges.csv") is first
    path.write_text(HEADER + ROW + "b,9,1,2,2,test\n")
    assert len(read_slice_table(tmp_path, "ranges.csv")) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has no column 'vol'"),
        ("vol,first\na,1\n", "has no column 'last': expected 'vol', 'first' and 'last'"),
        ("vol,first,last\na,1,x\n", "has 'a,1,x' in line 2: expected a scan's name and two"),
        ("vol,first,last\na,1,2\nb,5,4\n", "has 'b,5,4' in line 3"),
        ("vol,first,last\na,-1,2\n", "has 'a,-1,2' in line 2"),
        ("vol,first,last\na,1.5,2\n", "has 'a,1.5,2' in line 2"),
        ("vol,first,last\na,1\n", "has 'a,1,' in line 2"),
        ("vol,first,last\n,1,2\n", "has ',1,2' in line 2"),
        ("vol,first,last\na,1,2\na.nii.gz,3,4\n", "names 'a' a second time in line 3"),
        ("vol,first,last\n" + "a" * 200_000 + ",1,2\n", "is not a CSV file in UTF-8"),
    ],
)
def test_mistakes_in_the_table(tmp_path, text, words):
    (tmp_path / "ranges.csv").write_text(text)
    with pytest.raises(ConfigError, match=f"slice table 'ranges.csv' {words}"):
        read_slice_table(tmp_path, "ranges.csv")


def test_bytes_that_are_not_text(tmp_path):
    (tmp_path / "ranges.csv").write_bytes(b"vol,first,last\n\xff\xfe,1,2\n")
    with pytest.raises(ConfigError, match="is not a CSV file in UTF-8"):
        read_slice_table(tmp_path, "ranges.csv")


def test_a_table_that_is_not_there_or_no_file(tmp_path):
    for table in ("nothing.csv", "."):
        with pytest.raises(ConfigError, match="cannot be read"):
            read_slice_table(tmp_path, table)


def test_a_table_outside_the_project(tmp_path):
    (tmp_path / "ranges.csv").write_text(HEADER + ROW)
    root = tmp_path / "project"
    root.mkdir()
    (root / "link.csv").symlink_to(tmp_path / "ranges.csv")
    for table in ("../ranges.csv", "link.csv", str(tmp_path / "ranges.csv")):
        with pytest.raises(ConfigError, match="leads out of the project"):
            read_slice_table(root, table)


def test_a_table_of_no_end(tmp_path):
    with (tmp_path / "ranges.csv").open("wb") as file:
        file.truncate(2**24 + 1)
    with pytest.raises(ConfigError, match="has 16777217 bytes: expected at most 16777216"):
        read_slice_table(tmp_path, "ranges.csv")
