import gc
import sys

from mrigen.stages.serving.interpreter import quick_start, settle


def settings():
    return gc.isenabled(), gc.get_freeze_count() > 0, sys.getswitchinterval()


def test_a_server_starts_without_collections_and_serves_with_them():
    with quick_start():
        assert not gc.isenabled()
        settle()
        enabled, frozen, interval = settings()
        assert (enabled, frozen) == (True, True)
        assert interval < 0.001


def test_everything_is_put_back_also_after_an_error():
    before = settings()
    try:
        with quick_start():
            settle()
            raise ValueError
    except ValueError:
        assert settings() == before
