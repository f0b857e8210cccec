import pytest

from mrigen.serving.keys import ApiKeys
from mrigen.serving.protection.hosts import host_names
from protected import asking, protected

NAMES = host_names("0.0.0.0", ["mri.example.org"], keys=None)


def test_names_are_checked_where_a_name_could_be_a_trick():
    keys = ApiKeys([])
    assert host_names("127.0.0.1", [], keys=None) == {"127.0.0.1"}
    assert host_names("Box.local.", [], keys=None) == {"box.local"}
    assert host_names("::", [], keys=keys) is None
    assert host_names("0.0.0.0", ["MRI.example.org"], keys=keys) == {"0.0.0.0", "mri.example.org"}


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "localhost:8000", "a.localhost", "127.0.0.1:8000", "[::1]:8000", "10.0.0.7",
        "MRI.example.ORG", "mri.example.org.:443",
    ],
)  # fmt: skip
def test_the_server_answers_to_its_names_and_to_addresses(host):
    answer = asking(protected(hosts=NAMES)).get("/v1/models", headers={"Host": host})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "mri.example.org.evil.example", "127.0.0.1.evil.example", "localhost.evil"],
)
@pytest.mark.parametrize("path", ["/", "/health", "/v1/models"])
def test_other_names_are_refused(host, path):
    answer = asking(protected(hosts=NAMES)).get(path, headers={"Host": host})
    assert answer.status_code == 421
    assert f"this server is not called '{host}'" in answer.json()["detail"]
    assert answer.headers["cache-control"] == "no-store"


def test_without_a_check_every_name_will_do():
    assert asking(protected()).get("/", headers={"Host": "any.example"}).status_code == 200


@pytest.mark.parametrize("host", ["", "a/b", "a b", "<script>", "[::1", "a:b", "user@localhost"])
def test_what_is_no_name_is_refused(host):
    answer = asking(protected()).get("/", headers={"Host": host})
    assert answer.status_code == 400
    assert "expected a name or an address" in answer.json()["detail"]


def test_two_names_are_refused():
    headers = [("Host", "localhost"), ("Host", "localhost")]
    assert asking(protected()).get("/", headers=headers).status_code == 400


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://localhost:8000"},
        {"Origin": "https://LOCALHOST:8000"},
        # Told by the browser itself, even if a proxy has changed the name.
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://mri.example.org"},
    ],
)
def test_own_pages_and_programs_may_post(headers):
    headers = {"Host": "localhost:8000", **headers}
    answer = asking(protected()).post("/v1/models/vae/restore", content=b"x", headers=headers)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": ""},
        [("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Site", "cross-site")],
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost:8000"},
        {"Origin": "null"},
        {"Origin": "http://localhost"},
        {"Origin": "http://localhost:8001"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://evil.example/localhost:8000"},
        [("Origin", "http://localhost:8000"), ("Origin", "http://evil.example")],
    ],
)
def test_pages_from_elsewhere_may_not_post(headers):
    headers = [("Host", "localhost:8000"), *(headers if type(headers) is list else headers.items())]
    answer = asking(protected()).post("/v1/models/vae/restore", content=b"x", headers=headers)
    assert answer.status_code == 403
    assert "a page of another site" in answer.json()["detail"]


def test_links_from_elsewhere_work():
    headers = {"Sec-Fetch-Site": "cross-site", "Origin": "http://evil.example"}
    answer = asking(protected()).get("/", headers=headers)
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith("access-control")]
