"""Applications behind real sockets."""

import asyncio
import socket
import threading
from contextlib import closing, contextmanager

import uvicorn

from mrigen.serving.protection.connections import PatientProtocol


@contextmanager
def listening(app, **options):
    """Serve an application from a thread, as `mrigen serve` does; gives host and port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(
            app,
            http=PatientProtocol,
            ws="none",
            log_config=None,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=1,
            **options,
        )
        server = uvicorn.Server(config)
        started = threading.Event()

        async def run():
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            while not server.started and not serving.done():
                await asyncio.sleep(0.005)
            started.set()
            await serving

        thread = threading.Thread(target=lambda: asyncio.run(run()))
        thread.start()
        try:
            assert started.wait(30)
            yield listener.getsockname()
        finally:
            server.should_exit = True
            thread.join(30)
            assert not thread.is_alive()


def talk(address, *pieces):
    """Send bytes as they are; return all that comes back until the server hangs up."""
    with closing(socket.create_connection(address, timeout=20)) as connection:
        for piece in pieces:
            connection.sendall(piece)
        return read_all(connection)


def read_all(connection):
    """Return what a connection has to say until its end."""
    said = bytearray()
    try:
        while piece := connection.recv(65536):
            said += piece
    except ConnectionResetError:
        pass
    return bytes(said)
