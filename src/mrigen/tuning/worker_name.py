"""Names of workers."""

import os
import secrets
import socket


def new_worker_name() -> str:
    """Return `<host>:<process>:<token>`, which no other worker has."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(6)}"
