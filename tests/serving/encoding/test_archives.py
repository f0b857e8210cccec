import gc
import io
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mrigen.serving.encoding.archives import ArrayArchive, FileArchive


@settings(deadline=None, max_examples=30)
@given(
    pieces=st.lists(st.integers(1, 5), min_size=1, max_size=6),
    side=st.integers(1, 9),
    names=st.lists(st.from_regex(r"[a-zé_]{1,20}", fullmatch=True), max_size=3, unique=True),
)
def test_an_archive_made_in_pieces_gives_back_its_arrays(pieces, side, names):
    rng = np.random.default_rng(side)
    values = rng.random((sum(pieces), side, side), dtype=np.float32)
    before = {f"other_{name}": rng.integers(0, 9, 7) for name in names}
    archive = ArrayArchive(before, "values", values.shape)
    parts = np.split(values, np.cumsum(pieces)[:-1])
    content = b"".join(map(archive.add, parts)) + archive.finish()
    assert len(content) == archive.size
    with np.load(io.BytesIO(content), allow_pickle=False) as loaded:
        assert list(loaded) == [*before, "values"]
        assert np.array_equal(loaded["values"], values)
        assert all(np.array_equal(loaded[name], array) for name, array in before.items())


def test_every_piece_is_given_out_at_once():
    archive = ArrayArchive({}, "values", (4, 64, 64))
    part = np.ones((2, 64, 64), np.float32)
    assert len(archive.add(part)) >= part.nbytes
    assert len(archive.add(part)) == part.nbytes


# Where numbers of eight bytes are made in advance, as compression might enlarge what is nearly at
# the limit; where the list at the end lies behind it; at the limit, and above.
@pytest.mark.parametrize("count", [15_571, 15_572, 16_100, 16_352, 16_353, 40_000])
def test_an_archive_around_the_limit_of_zip_has_the_length_it_says(monkeypatch, count):
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 2**16)  # the real one, 2 GiB, takes half a minute
    values = np.full(count, 0.5, np.float32)
    archive = ArrayArchive({"seeds": np.arange(3)}, "values", values.shape)
    content = b"".join(map(archive.add, np.array_split(values, 9))) + archive.finish()
    assert len(content) == archive.size
    with zipfile.ZipFile(io.BytesIO(content)) as loaded:
        assert loaded.testzip() is None
    with np.load(io.BytesIO(content)) as loaded:
        assert np.array_equal(loaded["values"], values)


def test_files_know_their_length_where_they_begin():
    archive = FileArchive()
    content = b""
    for number in range(3):
        archive.add(f"{number}.png", b"x" * number)
        content += archive.taken()
    content += archive.finish()
    with zipfile.ZipFile(io.BytesIO(content)) as loaded:
        assert [loaded.read(name) for name in loaded.namelist()] == [b"", b"x", b"xx"]
        # Bit 3 says that the length follows the data, which programs that read a stream cannot use.
        assert {member.flag_bits & 8 for member in loaded.infolist()} == {0}


def test_archives_are_dated_at_the_beginning_of_zip():
    archive = ArrayArchive({"seeds": np.arange(1)}, "values", (1,))
    content = archive.add(np.ones(1, np.float32)) + archive.finish()
    with zipfile.ZipFile(io.BytesIO(content)) as loaded:
        assert {member.date_time for member in loaded.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_an_archive_that_is_left_unfinished_is_forgotten_quietly():
    archive = ArrayArchive({}, "values", (4,))
    archive.add(np.ones(2, np.float32))
    del archive
    gc.collect()  # a complaint in a destructor is an error of this test
