"""Small networks as the server has them."""

from mrigen.serving.served import ServedModel
from small_bundles import SIZE, network


def served(model="vae", net=None, *, version=3, aliases=("champion",)):
    """Return a served model with an untrained network."""
    return ServedModel(
        name=model,
        version=version,
        aliases=aliases,
        digest=f"{len(model):064x}",
        image_size=SIZE,
        network=net or network(model),
        card={"model": model, "notice": "synthetic"},
    )
