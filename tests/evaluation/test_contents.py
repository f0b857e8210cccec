import json

import pytest

from mrigen.errors import DataError
from mrigen.evaluation.contents import CONTENTS, read_contents, read_table, write_judgements
from mrigen.evaluation.judgement import Judgement, Table
from mrigen.page.document import Picture


@pytest.fixture
def folder(tmp_path):
    table = Table("T", "One.", ("name", "value"), [{"name": "a,b", "value": 1 / 3}, {"name": "c"}])
    judgement = Judgement(
        {"b": 1.0, "a": 2.0}, {"numbers": table}, {"view": Picture("V", "Two.", b"png")}, ["Few."]
    )
    write_judgements(tmp_path, {"restoration": judgement, "latent": Judgement()})
    return tmp_path


def test_what_was_written_is_read(folder):
    contents = read_contents(folder)
    assert list(contents) == ["restoration", "latent"]
    section = contents["restoration"]
    assert (section.pictures["view"].title, section.remarks) == ("V", ("Few.",))
    assert read_table(folder, "numbers") == (["name", "value"], [["a,b", "0.333333"], ["c", ""]])
    assert list(json.loads((folder / "metrics.json").read_text())) == ["b", "a"]


@pytest.mark.parametrize("kind", ["pictures", "tables"])
def test_names_that_lead_out_of_the_folder_are_refused(folder, kind):
    path = folder / CONTENTS
    contents = json.loads(path.read_text())
    contents["latent"][kind]["../../secret"] = {"title": "x", "description": "x"}
    path.write_text(json.dumps(contents))
    with pytest.raises(DataError, match=r"contents\.json' is missing or damaged"):
        read_contents(folder)


@pytest.mark.parametrize("text", ["", 'name,value\n"a', "name,value\na\n"])
def test_damaged_tables_are_refused(folder, text):
    (folder / "tables" / "numbers.csv").write_text(text)
    with pytest.raises(DataError, match=r"numbers\.csv' is missing or damaged"):
        read_table(folder, "numbers")
