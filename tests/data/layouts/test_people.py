import pytest

from mrigen.data.layouts.people import Person, find_split, fold
from mrigen.data.layouts.people_table import read_people
from mrigen.errors import DataError


def people_of(path, *lines, encoding="utf-8"):
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return read_people(path)


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_columns_may_have_any_order_mark_and_company(tmp_path, mark):
    lines = [
        "height Sex SITE subject race age split",
        "170 F Oslo p1 Sami 40.5 train",
        "180 male Bergen p2 n/a 89+ Validation",
        "n/a ? n/a p3 n/a n/a n/a",
    ]
    people = people_of(tmp_path / "t.csv", *(line.replace(" ", mark) for line in lines))
    assert people.find("p1") == Person(40.5, "f", "Sami", "Oslo", "train")
    assert people.find("P2") == Person(89.0, "m", None, "Bergen", "validation")
    assert people.find("p3") == people.find("nobody") == Person()
    assert people.notes == ()
    assert people.missing({"p3": "p3", "p4": "p4"}) == [
        "1 of 2 subjects have no row in t.csv and are unknown: p4"
    ]


def test_spreadsheets_write_a_mark_decimal_commas_and_other_line_ends(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes('\ufeffparticipant_id;age\r\nsub-01;48,5\r\n;\r\n"sub-\n2";50\r\n'.encode())
    people = read_people(path)
    assert people.find("01") == people.find("sub-01") == Person(48.5)
    assert people.find("sub-\n2") == Person(50.0)


@pytest.mark.parametrize(
    ("cells", "sexes"),
    [
        (("1", "2", "0", "9"), ("m", "f", None, None)),
        (("1", "1"), ("m", "m")),
        (("1", "0"), (None, None)),
        (("1", "F"), ("m", "f")),
    ],
)
def test_numbers_for_sexes_are_those_of_the_standard_unless_zero_is_a_sex(tmp_path, cells, sexes):
    rows = [f"p{number},{cell}" for number, cell in enumerate(cells)]
    people = people_of(tmp_path / "t.csv", "subject,sex", *rows)
    assert tuple(people.find(f"p{number}").sex for number in range(len(cells))) == sexes
    assert any("'sex' with what is not understood: 0, 1" in note for note in people.notes) == (
        sexes == (None, None)
    )


@pytest.mark.parametrize("age", ["0", "-3", "300", "old", "1e2", "nan", "\u0664\u0660"])
def test_ages_that_are_none_are_unknown(tmp_path, age):
    people = people_of(tmp_path / "t.csv", "subject,age", f"p,{age}", "q,30")
    assert people.find("p").age is None
    assert people.find("q").age == 30
    assert people.notes == (
        ()
        if age == "nan"
        else (f"t.csv has a column 'age' with what is not understood: {age}; it counts as unknown",)
    )


def test_rows_of_one_person_complete_each_other_or_contradict(tmp_path):
    rows = ["a,40,", "A,,f", "zo\u00eb,20,m", "zoe\u0308,21,m", "b,1", ""]
    people = people_of(tmp_path / "t.csv", "subject,age,sex", *rows)
    assert people.find("a") == Person(40.0, "f")
    assert people.find("zo\u00eb") == Person()
    assert people.find("b") == Person(1.0)
    assert people.notes == (
        "t.csv has rows that contradict each other for 1 persons, who are unknown: zo\u00eb",
    )


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty: expected a heading"),
        (b"\n\n", "is empty: expected a heading"),
        (b"name,age\np,30\n", "no column 'subject' or 'participant_id', but age, name"),
        (b"subject,age,age\np,30,40\n", "the column 'age' 2 times"),
        (b"subject,site\np,caf\xe9\n", "not readable as UTF-8 text with columns"),
        ("subject,age\np,30\n".encode("utf-16"), "not readable as UTF-8 text with columns"),
        (b"subject,age\np," + b"9" * 200_000, "not readable as UTF-8 text with columns"),
        (b"subject,age\n" * 1_500_000, "has more than 16777216 bytes"),
    ],
)
def test_tables_that_are_none_are_one_sentence(tmp_path, data, words):
    (tmp_path / "people.csv").write_bytes(data)
    with pytest.raises(DataError, match=words) as caught:
        read_people(tmp_path / "people.csv")
    assert "table 'people.csv'" in str(caught.value)


def test_notes_hold_no_control_characters_and_no_novels(tmp_path):
    rows = ['"p\x1b[31m",20', '"p\x1b[31m",30', f"q,{'9' * 5000}"]
    notes = people_of(tmp_path / "t.csv", "subject,age", *rows).notes
    assert len(notes) == 2
    assert all(note.isprintable() and len(note) < 200 for note in notes)
    people = people_of(tmp_path / "t.csv", "subject,site,race", '"p",Os\x1blo,"Sa\x07mi"')
    assert people.find("p") == Person()


def test_a_table_that_is_not_there_is_a_data_error(tmp_path):
    with pytest.raises(DataError, match="No such file"):
        read_people(tmp_path / "people.csv")


def test_spellings_of_one_name_fold_to_the_same():
    assert fold("Zoe\u0308") == fold("zo\u00eb") == fold("ZO\u00cb")
    assert fold("stra\u00dfe") == fold("STRASSE")
    assert fold("a") != fold("b")


def test_words_for_splits():
    words = ("Training", "val", "TEST ", "dev", "holdout")
    assert [find_split(word) for word in words] == [
        "train",
        "validation",
        "test",
        "validation",
        None,
    ]
