"""The file MLflow keeps beside a registered bundle and runs to load it: a model from code."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from mrigen.bundle import load_bundle
from mrigen.errors import ModelError
from mrigen.models.condition_values import condition_values
from mrigen.models.interfaces import Conditional, Reconstructor, Sampler
from mrigen.models.sampling import draw_samples


class BundleModel(PythonModel):
    """Answer with samples if the network can sample, with restored images otherwise."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the network of the bundle."""
        self.network = load_bundle(Path(context.artifacts["bundle"])).model

    # MLflow warns about a type of input that it does not know, such as NDArray.
    def predict(
        self,
        context: PythonModelContext,  # noqa: ARG002 - MLflow's signature
        model_input: np.ndarray,
        params: dict[str, Any] | None = None,
    ) -> npt.NDArray[np.float32]:
        """Return (N, 1, H, W) float32 in [0, 1].

        Parameters
        ----------
        context
            MLflow's; not used.
        model_input
            Images (N, 1, H, W) float32 in [0, 1] for a network that restores. A network that
            samples pays no attention to it.
        params
            `num_samples` and `seed`, sample `i` having the seed `seed + i`; `quick` for the
            network's quick mode; and what it can be asked for, such as `age`: a number or the
            name of a choice, and None for what is not known.
        """
        if isinstance(self.network, Sampler):
            return _drawn(self.network, params or {})
        if not isinstance(self.network, Reconstructor):
            raise ModelError("the network can neither sample nor restore: register another one.")
        images = torch.from_numpy(np.asarray(model_input, np.float32))
        with torch.inference_mode():
            return self.network.reconstruct(images).numpy()


def _drawn(network: Sampler, params: dict[str, Any]) -> npt.NDArray[np.float32]:
    count, seed = _seeds(params)
    known = network.conditions if isinstance(network, Conditional) else ()
    told = {one.name: params[one.name] for one in known if params.get(one.name) is not None}
    values = condition_values(known, told)
    quick = bool(params.get("quick", False))
    return draw_samples(network, range(seed, seed + count), values, quick=quick).numpy()


def _seeds(params: dict[str, Any]) -> tuple[int, int]:
    count, seed = int(params.get("num_samples", 1)), int(params.get("seed", 0))
    if count < 1 or not 0 <= seed <= 2**63 - count:
        raise ModelError(
            f"num_samples is {count} and seed {seed}: expected at least one sample and seeds in "
            "[0, 2**63)."
        )
    return count, seed


set_model(BundleModel())
