"""What the engine has done, in numbers."""

from dataclasses import dataclass

from mrigen.models.sampling import CHUNK
from mrigen.serving.engine.lanes import Outcome


@dataclass
class Counts:
    """The engine's counters since it was made, and what is in it now.

    Attributes
    ----------
    jobs
        Taken on and not left yet.
    waiting_images
        Of these jobs, images that no lane has begun.
    held_bytes
        Of images that are waiting to be answered.
    chunks, rows, padded_rows
        Computed chunks, the images in them, and the places in them that stayed empty.
    computing_seconds
        Of all lanes together.
    failed_chunks
        Chunks that raised an error or were not finite.
    refused_jobs
        Not taken on.
    dropped_jobs
        Left before their end.
    """

    jobs: int = 0
    waiting_images: int = 0
    held_bytes: int = 0
    chunks: int = 0
    rows: int = 0
    padded_rows: int = 0
    computing_seconds: float = 0.0
    failed_chunks: int = 0
    refused_jobs: int = 0
    dropped_jobs: int = 0

    def add(self, outcome: Outcome) -> None:
        """Count a chunk."""
        rows = sum(len(rows) for _, rows in outcome.chunk)
        self.chunks += 1
        self.rows += rows
        self.padded_rows += CHUNK - rows
        self.computing_seconds += outcome.seconds
        self.failed_chunks += outcome.failed
