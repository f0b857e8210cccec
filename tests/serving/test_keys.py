import hmac
import logging
import os
from hashlib import sha256

import pytest

from mrigen.errors import ConfigError
from mrigen.serving import keys
from mrigen.serving.keys import ApiKeys, KeyFile, find_keys

ANNA, BERT = "anna-0123456789abcdef", "bert-0123456789abcdef"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "keys.txt"


def write(path, text, mode=0o600):
    path.write_bytes(text.encode())
    path.chmod(mode)
    return path


def test_a_file_names_its_keys(path):
    text = f"\ufeff# our clients\r\n\r\nanna {ANNA}\r\n  bert\t{BERT}  # until May\r\n"
    known = KeyFile(write(path, text))
    assert known.name_of(ANNA.encode()) == "anna"
    assert known.name_of(BERT.encode()) == "bert"
    assert known.name_of(b"") is None
    assert known.name_of(ANNA[:-1].encode()) is None
    assert known.name_of(ANNA.encode() + b"\xff") is None


def test_a_bare_key_is_called_by_its_place(path):
    known = KeyFile(write(path, f"anna {ANNA}\n# next\n{BERT}"))
    assert known.name_of(BERT.encode()) == "key-2"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "has no key"),
        ("# nothing\n\n", "has no key"),
        ("anna short-secret", "line 1 of .* has a key of 12 characters: expected at least 16"),
        (f"anna {ANNA}\nanna {BERT}", "has the name 'anna' 2 times"),
        (f"key-2 {ANNA}\n{BERT}", "has the name 'key-2' 2 times"),
        (f"anna {ANNA}\nbert {ANNA}", "gives 'anna', 'bert' the same key"),
        (f"anna {ANNA} secret", "line 1 of .* has 3 words"),
        (f"an/na {ANNA}", "line 1 of .* has a name that cannot be used"),
        ("anna geheimer-schlüssel", "line 1 of .* has a key that cannot be sent"),
        (f"anna {'x' * 513}", "line 1 of .* has a key that cannot be sent"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_without_telling_keys(path, text, sentence):
    with pytest.raises(ConfigError, match=sentence) as refused:
        KeyFile(write(path, text))
    assert not any(secret in str(refused.value) for secret in (ANNA, BERT, "secret", "geheim"))


def test_what_is_no_text_file_is_refused(tmp_path, path):
    with pytest.raises(ConfigError, match=r"cannot read the key file .*No such file"):
        KeyFile(path)
    with pytest.raises(ConfigError, match="cannot read the key file"):
        KeyFile(tmp_path)
    path.write_bytes(b"\xff" * 40)
    with pytest.raises(ConfigError, match="is not text"):
        KeyFile(path)
    path.write_bytes(b"#" * (2**20 + 1))
    with pytest.raises(ConfigError, match="is over 1 MiB"):
        KeyFile(path)


def test_a_file_that_everyone_can_read_is_warned_of(path, caplog):
    KeyFile(write(path, ANNA, mode=0o640))
    assert not caplog.records
    KeyFile(write(path, ANNA, mode=0o644))
    assert "Every user of this computer can read the key file" in caplog.text


def test_a_changed_file_counts_at_once(path, caplog):
    caplog.set_level(logging.INFO)
    known = KeyFile(write(path, f"anna {ANNA}"))
    write(path, f"anna {BERT}\nbert {ANNA}-2")
    assert known.name_of(ANNA.encode()) is None
    assert known.name_of(BERT.encode()) == "anna"
    assert "The keys have changed; there are: anna, bert." in caplog.text
    assert BERT not in caplog.text


def test_a_replaced_file_counts_though_its_size_and_times_are_the_same(path):
    known = KeyFile(write(path, f"anna {ANNA}"))
    before = path.stat()
    other = write(path.with_name("new"), f"anna {BERT}")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)
    assert known.name_of(BERT.encode()) == "anna"


def test_the_keys_from_before_count_while_the_file_is_broken(path, caplog):
    known = KeyFile(write(path, f"anna {ANNA}"))
    write(path, "anna")
    assert known.name_of(ANNA.encode()) == "anna"
    path.unlink()
    assert known.name_of(ANNA.encode()) == "anna"
    assert [record.message.count("still count") for record in caplog.records] == [1, 1]
    write(path, f"anna {BERT}")
    assert known.name_of(ANNA.encode()) is None


def test_the_environment_gives_a_key_where_no_file_does(path):
    assert find_keys(None, {}) is None
    assert find_keys(None, {"MRIGEN_API_KEY": f"{ANNA}\n"}).name_of(ANNA.encode()) == "environment"
    both = find_keys(write(path, f"bert {BERT}"), {"MRIGEN_API_KEY": ANNA})
    assert both.name_of(ANNA.encode()) is None
    assert both.name_of(BERT.encode()) == "bert"


@pytest.mark.parametrize("value", ["", "  ", "short-secret", "a b c d e f g h i j"])
def test_a_variable_that_cannot_be_used_is_refused(value):
    with pytest.raises(ConfigError, match="MRIGEN_API_KEY") as refused:
        find_keys(None, {"MRIGEN_API_KEY": value})
    assert "secret" not in str(refused.value)


def test_every_key_is_compared_however_early_one_fits(monkeypatch):
    compared, in_constant_time = [], hmac.compare_digest

    def compare(one, other):
        compared.append(one)
        return in_constant_time(one, other)

    monkeypatch.setattr(keys.hmac, "compare_digest", compare)
    digests = [(name, sha256(name.encode()).digest()) for name in ("a", "b", "c")]
    known = ApiKeys(digests)
    for key in (b"a", b"c", b"no"):
        compared.clear()
        known.name_of(key)
        assert compared == [digest for _, digest in digests]


def test_keys_are_kept_as_digests_alone(path):
    known = KeyFile(write(path, f"anna {ANNA}"))
    assert ANNA not in repr(vars(known))
    assert sha256(ANNA.encode()).hexdigest() not in repr(known._keys)
