"""The weights of a training's best epoch, kept beside its checkpoint."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from mrigen.training.checkpoint import load_weights, plain_copies, save_weights


class BestWeights:
    """Held in memory until the next checkpoint, then in a file named after their epoch.

    A checkpoint knows its best epoch, and the file of that epoch lies beside it before it is
    written: a training that is killed at any moment finds both.

    Parameters
    ----------
    checkpoint
        The file that they lie beside.
    epoch
        Of the weights that are in a file already; 0 for none.
    """

    def __init__(self, checkpoint: Path, epoch: int = 0) -> None:
        self.checkpoint, self.epoch = checkpoint, epoch
        self._unwritten: Mapping[str, Tensor] | None = None

    @property
    def path(self) -> Path:
        """Where the weights lie once they are written."""
        return self._file(str(self.epoch))

    def take(self, network: nn.Module, epoch: int) -> None:
        """Copy the weights of an epoch that is better than all before."""
        self._unwritten, self.epoch = plain_copies(network.state_dict()), epoch

    def write(self) -> None:
        """Write the weights, if that has not been done."""
        if self._unwritten is not None:
            save_weights(self._unwritten, self.path)
            self._unwritten = None

    def load_into(self, network: nn.Module) -> None:
        """Give a network the weights of the best epoch.

        Raises
        ------
        ModelError
            If they were written, and their file is missing or damaged.
        """
        if self._unwritten is None:
            load_weights(network, self.path)
        else:
            network.load_state_dict(self._unwritten)

    def forget_others(self) -> None:
        """Delete the files of other epochs, which no checkpoint names any longer."""
        for path in self.checkpoint.parent.glob(self._file("*").name):
            if path != self.path:
                path.unlink()

    def forget(self) -> None:
        """Delete all files."""
        self.epoch = 0
        self.forget_others()

    def _file(self, epoch: str) -> Path:
        return self.checkpoint.with_name(f"{self.checkpoint.stem}.best-{epoch}.safetensors")
