"""A sampler that waits until it is let go on."""

import threading

from small_conditional import SmallConditional


class HeldSampler(SmallConditional):
    """Draws as `SmallConditional` does, but only while `go` is set."""

    def __init__(self):
        super().__init__()
        self.go = threading.Event()

    def sample(self, noise, conditions=None):
        if not self.go.wait(30):
            raise TimeoutError("nobody let the sampler go on")
        return super().sample(noise, conditions)
