import logging
import socket
import sys

import pytest

from mrigen.tuning.postgresql import server
from mrigen.tuning.postgresql.server import postgres_server
from postgresql_server import PASSWORD, sentence_told

pytest.importorskip("psycopg")


def test_a_server_that_starts_again_is_waited_for(postgresql, study, caplog):
    caplog.set_level(logging.WARNING, "mrigen")
    trial = study.ask()
    timer = postgresql.restart_soon(1.5)
    trial.set_user_attr("note", "after the restart")
    assert study.trials[0].user_attrs == {"note": "after the restart"}
    timer.join()
    assert "waiting for postgresql://127.0.0.1" in caplog.text


def test_wrong_password_is_told_in_one_sentence(tmp_path, postgresql):
    address = postgresql.address(password="wr0ng-word")
    told = sentence_told(tmp_path, address)
    assert f"127.0.0.1:{postgresql.port}/postgres cannot be used (password auth" in told
    assert "correct user and password in MRIGEN_TUNING_STORAGE" in told
    assert "wr0ng-word" not in told


def test_missing_database_is_told_in_one_sentence(tmp_path, postgresql):
    told = sentence_told(tmp_path, postgresql.address("nowhere"))
    assert "(database \"nowhere\" does not exist): make it with 'createdb nowhere'" in told


def test_a_server_that_is_not_there_is_told_at_once(tmp_path):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"postgresql://me:{PASSWORD}@127.0.0.1:{closed.getsockname()[1]}/db"
        told = sentence_told(tmp_path, address)
    assert "(Connection refused): see to it that the server runs" in told


def test_a_server_that_does_not_answer_is_told_within_seconds(tmp_path, monkeypatch):
    monkeypatch.setitem(server.DEFAULTS, "connect_timeout", "2")  # libpq's least
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"postgresql://me:{PASSWORD}@127.0.0.1:{silent.getsockname()[1]}/db"
        assert "timeout expired" in sentence_told(tmp_path, address)


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://me:s3cret-word/2@host/db",
        "postgresql://me:s3cret@word@host/db",
        "postgresql://me:s3cret-word@host:s3cret-word/db",
        "postgresql://me:s3cret-word@host/db?s3cret-word=1",
        "postgresql://me:%zz@host/db",
        "postgresql:me:s3cret-word@host/db",
    ],
)
def test_an_address_that_cannot_be_understood_is_not_repeated(tmp_path, address):
    told = sentence_told(tmp_path, address)
    assert "cannot be understood: expected 'postgresql://user:password@host:port/database'" in told
    assert "word@" not in told.replace("user:password@", "")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_usual_ways_of_writing_an_address_are_understood(scheme):
    address = f"{scheme}://me:s%40%7Bcret@[::1]:5433/db?sslmode=require"
    found = postgres_server(address)
    assert found.address == "postgresql://[::1]:5433/db"
    assert found.parameters["password"] == "s@{cret"
    assert found.parameters["sslmode"] == "require"
    assert "cret" not in repr(found)


def test_missing_driver_is_named_with_its_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    told = sentence_told(tmp_path, f"postgresql://me:{PASSWORD}@host/db")
    assert "pip install 'mrigen[postgresql]'" in told
