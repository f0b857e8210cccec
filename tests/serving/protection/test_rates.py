from mrigen.serving.keys import ApiKeys
from mrigen.serving.protection import rates
from mrigen.serving.protection.rates import Rate
from mrigen.serving.settings import ServingSettings
from protected import asking, protected

SECOND = 10**9


class Clock:
    now = 5 * SECOND

    def __call__(self):
        return self.now


def test_requests_come_back_evenly():
    clock = Clock()
    rate = Rate(6, clock)
    assert [rate.wait_of("a") for _ in range(6)] == [0] * 6
    assert rate.wait_of("a") == 10
    assert rate.wait_of("a") == 10  # a refused request is not counted
    assert rate.wait_of("b") == 0
    clock.now += 4 * SECOND
    assert rate.wait_of("a") == 6
    clock.now += 6 * SECOND
    assert rate.wait_of("a") == 0
    assert rate.wait_of("a") == 10
    clock.now += 60 * SECOND
    assert [rate.wait_of("a") for _ in range(7)] == [0] * 6 + [10]


def test_any_rate_gives_as_many_at_once():
    for per_minute in (1, 7, 59, 61, 997):
        rate = Rate(per_minute, Clock())
        assert sum(rate.wait_of("a") == 0 for _ in range(per_minute + 5)) == per_minute


def test_silent_clients_are_forgotten():
    clock = Clock()
    rate = Rate(60, clock)
    for number in range(100):
        rate.wait_of(str(number))
    assert len(rate) == 100
    clock.now += 2 * SECOND
    rate.wait_of("a")
    assert len(rate) == 1


def test_many_clients_take_bounded_memory(monkeypatch):
    monkeypatch.setattr(rates, "MOST_CLIENTS", 10)
    rate = Rate(1, Clock())
    for number in range(1000):
        assert rate.wait_of(str(number)) == 0
    assert len(rate) == 10
    assert rate.wait_of("999") > 0


def test_who_asks_too_often_is_told_when_to_come_back():
    app = protected(ServingSettings(requests_per_minute=2))
    client = asking(app)
    assert [client.get("/v1/models").status_code for _ in range(3)] == [200, 200, 429]
    refused = client.post("/v1/models/vae/samples", json={})
    assert refused.headers["retry-after"] == "30"
    assert refused.json()["detail"] == "over 2 requests a minute: ask again in 30 s."
    assert asking(app, address="192.0.2.2").get("/v1/models").status_code == 200


def test_pages_health_and_measurements_are_not_counted():
    client = asking(protected(ServingSettings(requests_per_minute=1)))
    for path in ("/", "/page/a.js", "/health", "/ready", "/docs", "/metrics") * 3:
        assert client.get(path).status_code == 200
    assert client.get("/v1/models").status_code == 200


def test_with_keys_each_name_has_its_own_rate_from_wherever_it_asks():
    class Known(ApiKeys):
        def name_of(self, key):
            return {b"a": "anna", b"b": "bert"}.get(key)

    app = protected(ServingSettings(requests_per_minute=1), keys=Known([]))

    def ask(key, address):
        client = asking(app, address=address)
        return client.get("/v1/models", headers={"Authorization": f"Bearer {key}"}).status_code

    assert ask("a", "192.0.2.1") == 200
    assert ask("a", "192.0.2.2") == 429
    assert ask("b", "192.0.2.1") == 200
    assert ask("c", "192.0.2.1") == 401
