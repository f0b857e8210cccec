import http.server
import io
import shutil
import socket
import tarfile
import threading
import urllib.request
from dataclasses import replace
from hashlib import md5
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from mrigen.cli import main
from mrigen.data.fetch import connection
from mrigen.data.fetch.connection import UnreachableError, request
from mrigen.data.fetch.download import download
from mrigen.data.fetch.published import COHORTS, PublishedFile
from mrigen.data.fetch.unpack import unpack
from mrigen.errors import DataError
from mrigen.stages.fetch import fetch

CONTENT = bytes(range(256)) * 2000
NAMES = ("IXI002-Guys-0828-T1.nii.gz", "IXI012-HH-1211-T1.nii.gz")


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")


class Server(http.server.ThreadingHTTPServer):
    """Serves `content` for every path, with the faults it is told to have."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.etag, self.ranges = CONTENT, '"one"', True
        self.breaks: list[int] = []  # bytes after which the next answers break off
        self.statuses: list[int] = []  # of the next answers
        self.location, self.redirects = None, 0
        self.length = ""  # in place of the true one
        self.asked: list[str | None] = []  # the Range of every request

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}/file.tar"


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *words):
        pass

    def do_GET(self):
        server = self.server
        server.asked.append(self.headers.get("Range"))
        if server.statuses or server.location or server.redirects:
            self.send_response(server.statuses.pop(0) if server.statuses else 302)
            self.send_header("Location", server.location or "/elsewhere")
            server.redirects = max(0, server.redirects - 1)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start = self._start()
        if start >= len(server.content):
            self.send_error(416)
            return
        body = server.content[start:]
        self.send_response(206 if start else 200)
        if start:
            last = len(server.content) - 1
            self.send_header("Content-Range", f"bytes {start}-{last}/{last + 1}")
        if server.etag:
            self.send_header("ETag", server.etag)
        self.send_header("Content-Length", server.length or str(len(body)))
        self.end_headers()
        self.wfile.write(body[: server.breaks.pop(0)] if server.breaks else body)

    def _start(self):
        wanted = self.headers.get("Range")
        same = self.headers.get("If-Range") == self.server.etag
        return int(wanted[6:-1]) if wanted and same and self.server.ranges else 0


@pytest.fixture
def server():
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def published(server, content=CONTENT, **changes):
    file = PublishedFile("file.tar", (server.address,), md5(content).hexdigest())
    return replace(file, **changes)


def closed_address():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/file.tar"


def test_a_whole_file_comes_and_progress_is_told(server, tmp_path):
    told = []
    path = download(published(server), tmp_path, report=lambda *numbers: told.append(numbers))
    assert path.read_bytes() == CONTENT
    assert told[0] == (0, len(CONTENT))
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert [entry.name for entry in tmp_path.iterdir()] == ["file.tar.part"]


def test_a_broken_off_download_goes_on_where_it_stopped(server, tmp_path):
    server.breaks = [100_000, 50_000]
    assert download(published(server), tmp_path, pauses_s=[0]).read_bytes() == CONTENT
    assert server.asked == [None, "bytes=100000-", "bytes=150000-"]


def test_a_later_process_goes_on_where_an_earlier_one_stopped(server, tmp_path):
    server.breaks = [100_000]
    with pytest.raises(DataError, match="broken off after 100,000 of 512,000 bytes"):
        download(published(server), tmp_path, pauses_s=[])
    assert download(published(server), tmp_path, pauses_s=[]).read_bytes() == CONTENT
    assert server.asked == [None, "bytes=100000-"]


def test_a_file_that_changed_meanwhile_starts_anew(server, tmp_path):
    server.breaks = [100_000]
    with pytest.raises(DataError, match="broken off"):
        download(published(server), tmp_path, pauses_s=[])
    server.content, server.etag = CONTENT[::-1], '"two"'
    path = download(published(server, content=CONTENT[::-1]), tmp_path, pauses_s=[])
    assert path.read_bytes() == CONTENT[::-1]


@pytest.mark.parametrize("etag", ['"one"', "", 'W/"one"'], ids=["strong", "none", "weak"])
def test_a_server_without_ranges_or_versions_starts_anew(server, tmp_path, etag):
    server.ranges, server.etag, server.breaks = False, etag, [100_000]
    assert download(published(server), tmp_path, pauses_s=[0]).read_bytes() == CONTENT
    assert server.asked[1] == ("bytes=100000-" if etag == '"one"' else None)


def test_a_whole_file_that_was_never_checked_is_taken(server, tmp_path):
    (tmp_path / "file.tar.part").write_bytes(CONTENT)
    (tmp_path / "file.tar.part.version").write_text(f'{server.address}\n"one"')
    assert download(published(server), tmp_path, pauses_s=[]).read_bytes() == CONTENT
    assert server.asked == [f"bytes={len(CONTENT)}-"]


def test_bytes_of_another_address_are_not_gone_on_with(server, tmp_path):
    (tmp_path / "file.tar.part").write_bytes(CONTENT[::-1][:1000])
    (tmp_path / "file.tar.part.version").write_text('http://elsewhere/file.tar\n"one"')
    assert download(published(server), tmp_path, pauses_s=[]).read_bytes() == CONTENT
    assert server.asked == [None]


def test_a_file_that_became_shorter_starts_anew(server, tmp_path):
    (tmp_path / "file.tar.part").write_bytes(CONTENT + CONTENT)
    (tmp_path / "file.tar.part.version").write_text(f'{server.address}\n"one"')
    assert download(published(server), tmp_path, pauses_s=[0]).read_bytes() == CONTENT


def test_another_checksum_is_one_sentence_and_the_file_is_removed(server, tmp_path):
    with pytest.raises(DataError, match=r"has MD5 [0-9a-f]{32}: expected 0000, as published\."):
        download(published(server, md5="0000"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_without_a_checksum_is_known_by_its_first_bytes(server, tmp_path):
    file = published(server, md5=None, signature=CONTENT[:4])
    assert download(file, tmp_path).read_bytes() == CONTENT
    with pytest.raises(DataError, match="the first bytes 0001: expected ffff, as published"):
        download(replace(file, signature=b"\xff\xff"), tmp_path / "other")


def test_no_network_names_the_address_and_the_place_for_a_copy(tmp_path):
    address = closed_address()
    file = PublishedFile("file.tar", (address,), "0000")
    with pytest.raises(DataError) as caught:
        download(file, tmp_path / "new")
    assert str(caught.value).startswith(f"cannot download {address} (Connection refused)")
    assert str(caught.value).endswith(f"put into '{tmp_path / 'new'}': {address}")
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_the_next_address_is_tried(server, tmp_path):
    file = published(server, addresses=(closed_address(), server.address))
    assert download(file, tmp_path).read_bytes() == CONTENT


def test_a_busy_server_is_asked_again_and_a_missing_file_is_not(server, tmp_path):
    server.statuses = [503, 500]
    assert download(published(server), tmp_path, pauses_s=[0, 0]).read_bytes() == CONTENT
    server.statuses = [404]
    with pytest.raises(DataError, match=r"\(HTTP 404\)"):
        download(published(server), tmp_path / "other", pauses_s=[0, 0])
    assert len(server.asked) == 4


@pytest.mark.parametrize("place", ["file:///etc/passwd", "ftp://127.0.0.1/x"])
def test_redirects_lead_to_http_alone(server, place):
    server.location = place
    with pytest.raises(UnreachableError):
        request(server.address)


def test_redirects_keep_a_protected_connection_protected(server, tmp_path):
    redirects = connection._SafeRedirects()
    asked = urllib.request.Request("https://host/file.tar")
    with pytest.raises(UnreachableError, match="it redirects to 'http://host/"):
        redirects.redirect_request(asked, io.BytesIO(), 302, "", {}, "http://host/file.tar")
    followed = redirects.redirect_request(asked, io.BytesIO(), 302, "", {}, "https://other/x")
    assert followed.full_url == "https://other/x"


def test_redirects_within_a_host_are_followed(server, tmp_path):
    server.redirects = 1
    assert download(published(server), tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:,x"])
def test_other_protocols_are_not_spoken(address):
    with pytest.raises(UnreachableError):
        request(address)


def test_too_large_a_file_is_refused_unread(server, tmp_path):
    with pytest.raises(DataError, match="it sends 512,000 bytes, more than 1,000"):
        download(published(server, max_bytes=1000), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("length", ["\xb2", "9" * 5000, "-1"])
def test_a_length_that_is_no_number_is_not_told(server, tmp_path, length):
    server.length = length
    told = []
    file = published(server, md5=None)
    download(file, tmp_path, pauses_s=(), report=lambda *numbers: told.append(numbers))
    assert {total for _, total in told} == {None}


def test_a_full_disk_is_told_before_anything_is_written(server, tmp_path, monkeypatch):
    free = 500_000
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    with pytest.raises(DataError, match=r"has 0\.0 GB free: expected 0\.0 GB for 'file.tar'"):
        download(published(server), tmp_path)
    free = 600_000
    download(published(server), tmp_path)
    with pytest.raises(DataError, match="Make room"):
        download(published(server), tmp_path / "other", copies=2)


def archive(*members, mode="w"):
    """A tar file of (name, content) pairs or ready headers."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
                continue
            name, content = member
            header = tarfile.TarInfo(name)
            header.size = len(content)
            tar.addfile(header, io.BytesIO(content))
    return buffer.getvalue()


def header(name, kind, target=""):
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, target
    return entry


def unpacked(tmp_path, content, cohort="ixi", **changes):
    path = tmp_path / "file.tar"
    path.write_bytes(content)
    return unpack(path, tmp_path / "out", replace(COHORTS[cohort], **changes))


def files_in(folder):
    return sorted(
        entry.relative_to(folder).as_posix() for entry in folder.rglob("*") if entry.is_file()
    )


def test_an_archive_becomes_the_layout_of_its_source(tmp_path):
    content = archive(*((name, b"head") for name in NAMES), ("./._IXI002-Guys-0828-T1.nii.gz", b""))
    assert unpacked(tmp_path, content) == 1
    assert files_in(tmp_path / "out") == list(NAMES)


def test_the_decathlon_loses_its_outer_folder(tmp_path):
    inside = ["dataset.json", "imagesTr/BRATS_001.nii.gz", "imagesTs/BRATS_485.nii.gz"]
    content = archive(
        header("Task01_BrainTumour", tarfile.DIRTYPE),
        *((f"Task01_BrainTumour/{name}", b"{}") for name in [*inside, "imagesTr/._BRATS_001"]),
    )
    assert unpacked(tmp_path, content, "decathlon") == 1
    assert files_in(tmp_path / "out") == inside


BAD_MEMBERS = {
    "outside": ("../IXI002-Guys-0828-T1.nii.gz", b"x"),
    "deep outside": ("a/../../IXI002-Guys-0828-T1.nii.gz", b"x"),
    "absolute": ("/tmp/IXI002-Guys-0828-T1.nii.gz", b"x"),
    "link": header(NAMES[0], tarfile.SYMTYPE, "/etc/passwd"),
    "hard link": header(NAMES[0], tarfile.LNKTYPE, "/etc/passwd"),
    "pipe": header(NAMES[0], tarfile.FIFOTYPE),
    "device": header(NAMES[0], tarfile.CHRTYPE),
}


@pytest.mark.parametrize("bad", BAD_MEMBERS.values(), ids=BAD_MEMBERS)
def test_an_archive_that_leads_elsewhere_leaves_nothing(tmp_path, bad):
    with pytest.raises(DataError, match=r"'file\.tar' names '.*', which .*expected plain files"):
        unpacked(tmp_path, archive((NAMES[1], b"head"), bad))
    assert files_in(tmp_path) == ["file.tar"]
    assert not list(tmp_path.parent.glob("IXI*"))


@pytest.mark.parametrize("limit", [{"max_members": 1}, {"max_bytes": 1000}])
def test_a_bomb_is_told_by_what_it_declares(tmp_path, limit):
    content = archive((NAMES[0], b"x" * 600), (NAMES[1], b"x" * 600))
    with pytest.raises(DataError, match=r"holds more than .* Nothing of it was kept"):
        unpacked(tmp_path, content, **limit)
    assert files_in(tmp_path) == ["file.tar"]


@pytest.mark.parametrize(
    "content",
    [b"", b"not a tar" * 100, archive((NAMES[0], b"x" * 5000))[:3000],
     archive((NAMES[0], b"x"), mode="w:gz"), archive(("other.txt", b"x"))],
    ids=["empty", "text", "cut off", "compressed", "nothing known"],
)  # fmt: skip
def test_a_damaged_archive_is_one_sentence_and_leaves_nothing(tmp_path, content):
    with pytest.raises(DataError, match=r"^'file\.tar' (is not a whole|holds no file)") as caught:
        unpacked(tmp_path, content)
    assert "\n" not in str(caught.value)
    assert files_in(tmp_path) == ["file.tar"]


@pytest.fixture
def cohort(server):
    """IXI, small, with a table: both from the test's server."""
    server.content = archive(*((name, b"head") for name in NAMES))
    table = PublishedFile("IXI.xls", (server.address,), None)
    file = published(server, content=server.content, name="IXI-T1.tar")
    return replace(COHORTS["ixi"], archive=file, tables=(table,))


def test_a_cohort_is_fetched_once(cohort, server, tmp_path, caplog):
    caplog.set_level("INFO", logger="mrigen")
    folder = fetch("ixi", tmp_path, cohort=cohort)
    names = ["ATTRIBUTION.txt", *(f"IXI-T1/{name}" for name in NAMES), "IXI.xls"]
    assert folder == tmp_path / "data/ixi"
    assert files_in(tmp_path) == [f"data/ixi/{name}" for name in names]
    assert "CC BY-SA 3.0" in (folder / "ATTRIBUTION.txt").read_text()
    assert "ixi: { layout: ixi, path: data/ixi }" in caplog.text
    fetch("ixi", tmp_path, cohort=cohort)
    assert len(server.asked) == 2
    assert "is there already" in caplog.text


def test_a_missing_network_names_every_file_that_is_needed(cohort, tmp_path):
    gone = replace(cohort.archive, addresses=(closed_address(),))
    with pytest.raises(DataError) as caught:
        fetch("ixi", tmp_path, cohort=replace(cohort, archive=gone))
    for file in (gone, *cohort.tables):
        assert file.addresses[0] in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_an_archive_put_there_by_hand_is_used_and_kept(cohort, server, tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "IXI.xls").write_bytes(b"")
    (folder / "IXI-T1.tar").write_bytes(server.content)
    fetch("ixi", tmp_path, out=folder, cohort=cohort)
    assert server.asked == []
    assert files_in(folder / "IXI-T1") == list(NAMES)
    assert (folder / "IXI-T1.tar").read_bytes() == server.content
    shutil.rmtree(folder / "IXI-T1")
    (folder / "IXI-T1.tar").write_bytes(b"damaged")
    with pytest.raises(DataError, match="Remove it, or put a good copy there"):
        fetch("ixi", tmp_path, out=folder, cohort=cohort)
    assert (folder / "IXI-T1.tar").read_bytes() == b"damaged"


def test_a_process_killed_before_unpacking_does_not_download_again(cohort, server, tmp_path):
    folder = tmp_path / "data/ixi"
    folder.mkdir(parents=True)
    (folder / "IXI.xls").write_bytes(b"")
    (folder / "IXI-T1.tar.part").write_bytes(server.content)
    (folder / "IXI-T1.tar.part.version").write_text(f'{server.address}\n"one"')
    fetch("ixi", tmp_path, cohort=cohort)
    assert server.asked == [f"bytes={len(server.content)}-"]
    assert files_in(folder / "IXI-T1") == list(NAMES)


def test_the_published_cohorts_are_asked_over_https_with_a_checksum():
    for cohort in COHORTS.values():
        for file in (cohort.archive, *cohort.tables):
            assert all(address.startswith("https://") for address in file.addresses)
            assert file.md5 or file.signature
        assert cohort.archive.md5


def test_the_command_tells_of_a_missing_network_in_one_line(tmp_path, monkeypatch):
    cohort = COHORTS["decathlon"]
    unreachable = replace(cohort.archive, addresses=(closed_address(),))
    monkeypatch.setitem(COHORTS, "decathlon", replace(cohort, archive=unreachable))
    answer = CliRunner().invoke(main, ["-C", str(tmp_path), "data", "fetch", "decathlon"])
    assert answer.exit_code == 2
    (line,) = [text for text in answer.stderr.splitlines() if text.startswith("mrigen:")]
    assert "Connection refused" in line
    assert "put into" in line
