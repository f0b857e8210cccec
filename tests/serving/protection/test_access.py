import pytest

from mrigen.serving.keys import find_keys
from protected import asking, protected

KEY = "0123456789abcdef-anna"


@pytest.fixture
def keys(tmp_path):
    path = tmp_path / "keys"
    path.write_text(f"anna {KEY}\nbert 0123456789abcdef-bert\n")
    path.chmod(0o600)
    return find_keys(path, {})


@pytest.mark.parametrize("header", [f"Bearer {KEY}", f"bearer {KEY}", f"BEARER  {KEY} "])
def test_a_key_lets_in_under_its_name(keys, header):
    answer = asking(protected(keys=keys)).get("/v1/models", headers={"Authorization": header})
    assert (answer.status_code, answer.text) == (200, "anna /v1/models 0")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": KEY},
        {"Authorization": f"Basic {KEY}"},
        {"Authorization": f"Bearer {KEY}x"},
        {"Authorization": f"Bearer {KEY} {KEY}"},
        {"Authorization": b"Bearer \xff\xfe\xc3\xa9"},
        {"Authorization": "Bearer " + "x" * 50_000},
        [("Authorization", f"Bearer {KEY}"), ("Authorization", "Bearer other")],
        [("Authorization", "Bearer other"), ("Authorization", f"Bearer {KEY}")],
        {"X-Api-Key": KEY},
    ],
)
@pytest.mark.parametrize("path", ["/v1/models", "/metrics", "/nothing", "/v1/models/x/restore"])
def test_without_a_known_key_nothing_is_told(keys, path, headers):
    answer = asking(protected(keys=keys)).post(path, content=b"x" * 100, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.json()["detail"].endswith("send one header 'Authorization: Bearer KEY'.")


def test_a_key_in_the_address_is_no_key(keys):
    assert asking(protected(keys=keys)).get(f"/v1/models?key={KEY}").status_code == 401


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/openapi.json", "/health", "/ready", "/page/page.js"]
)
def test_pages_and_health_are_open(keys, path):
    assert asking(protected(keys=keys)).get(path).text == f"192.0.2.1 {path} 0"


@pytest.mark.parametrize(
    "path", ["//", "/page", "/pages/x", "/Health", "/health/", "/docs/x", "//page/x", "/%2e/health"]
)
def test_what_only_looks_like_an_open_path_is_not(keys, path):
    client = asking(protected(keys=keys))
    assert client.get(f"http://testserver{path}").status_code == 401


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("socket", "socket"),
    ],
)
def test_without_keys_a_client_is_its_address(address, name):
    answer = asking(protected(), address=address).get("/v1/models")
    assert answer.text.split()[0] == name
