"""Small networks as the server has them."""

from mrigen.models.build import count_parameters
from mrigen.serving.served import ServedModel
from small_bundles import SIZE, network


def served(model="vae", net=None, *, version=3, aliases=("champion",)):
    """Return a served model with an untrained network."""
    net = net or network(model)
    return ServedModel(
        name=model,
        version=version,
        aliases=aliases,
        digest=f"{len(model):064x}",
        image_size=SIZE,
        network=net,
        parameters=count_parameters(net)[0],
        card={"model": model, "notice": "synthetic"},
    )
