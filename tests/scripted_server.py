"""A server on a port of this machine that answers what it is told to."""

import http.server
import threading
from contextlib import contextmanager


@contextmanager
def scripted_server(*answers, host="127.0.0.1"):
    """Give each request the next answer, the last one again and again.

    An answer is a function of the handler. Yields the address and the list of requests so far,
    as (path, headers, body).
    """
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked.append((self.path, dict(self.headers), body))
            answers[min(len(asked), len(answers)) - 1](self)

        def do_POST(self):
            self.do_GET()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer((host, 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", asked
        finally:
            server.shutdown()
            thread.join()


def answering(body, status=200, headers=None, *, length=None):
    """Answer with these bytes; `length` announces another number of them and hangs up."""

    def answer(handler):
        handler.send_response_only(status)  # without a date
        for name, value in (headers or {}).items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body) if length is None else length))
        handler.end_headers()
        handler.wfile.write(body)
        handler.close_connection = length is not None

    return answer


def hanging_up(handler):
    """Close the connection without a word."""
    handler.close_connection = True
