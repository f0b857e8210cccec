import io
import logging
import sys
from contextlib import contextmanager, redirect_stderr

import pytest
from rich.console import Console
from rich.live import Live

from mrigen.stages.progress import TrainingBar, below_messages, reporting


@contextmanager
def logging_to_stderr():
    """Log on a standard error of our own; no fixture, as pytest changes it once more after that."""
    with redirect_stderr(io.StringIO()) as stream:
        handler = logging.StreamHandler(stream)
        logging.getLogger().addHandler(handler)
        try:
            yield handler
        finally:
            logging.getLogger().removeHandler(handler)


def test_messages_scroll_by_above_a_live_display():
    console = Console(file=io.StringIO(), force_terminal=True)
    with logging_to_stderr() as handler:
        stream = handler.stream
        with below_messages(Live("bar", console=console)):
            logging.getLogger("mrigen").warning("the server is away")
        assert handler.stream is stream
    assert "the server is away" in console.file.getvalue()
    assert stream.getvalue() == ""


def test_an_error_gives_messages_their_stream_back():
    display = Live("bar", console=Console(file=io.StringIO(), force_terminal=True))
    with logging_to_stderr() as handler:
        stream = handler.stream
        with pytest.raises(KeyError), below_messages(display):
            raise KeyError
        assert handler.stream is stream
        assert sys.stderr is stream


@pytest.mark.parametrize(
    "bar",
    [lambda: TrainingBar("vae", total=2, done=0, batch_size=1), lambda: reporting("vae")],
    ids=["training", "files"],
)
def test_where_nothing_is_live_messages_stay_where_they_were(bar):
    with logging_to_stderr() as handler, bar():
        logging.getLogger("mrigen").warning("the server is away")
    assert handler.stream.getvalue() == "the server is away\n"
