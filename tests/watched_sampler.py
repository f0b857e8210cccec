"""A sampler whose chunks a test can hold back, count and make fail."""

import threading

import torch
from torch import Tensor, nn

SIZE = 4


class WatchedSampler(nn.Module):
    """Turns noise into images when the gate is open, and tells what it was asked.

    Attributes
    ----------
    gate
        Open unless a test closes it.
    begun
        Released once by every chunk that has begun.
    chunks
        The images of every computed chunk.
    threads
        How many threads torch had for each chunk.
    failure
        Raised in place of images, if there is one.
    broken
        Images that contain this noise are not finite.
    """

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.noise_shape = (1, SIZE, SIZE)
        self.gate, self.begun = threading.Event(), threading.Semaphore(0)
        self.gate.set()
        self.chunks: list[Tensor] = []
        self.threads: list[int] = []
        self.failure: Exception | None = None
        self.broken: Tensor | None = None

    def sample(self, noise: Tensor, conditions: object = None) -> Tensor:
        self.begun.release()
        assert self.gate.wait(30)
        self.threads.append(torch.get_num_threads())
        if self.failure is not None:
            raise self.failure
        images = (noise * self.scale).sigmoid()
        if self.broken is not None:
            images[(noise == self.broken).all(dim=(1, 2, 3))] = torch.nan
        self.chunks.append(images)
        return images
