"""What of a registered bundle is served."""

from mrigen.bundle import BundleConfig, save_bundle
from mrigen.models.build import build_network
from mrigen.registry.versions import RegisteredBundle
from mrigen.stages.serving.loading import served
from small_bundles import FLOW, SIZE


def test_a_guide_is_not_among_the_parameters_that_were_learnt(tmp_path):
    guided = {"model": "flow", "image_size": SIZE, "network": {**FLOW, "autoguidance": {}}}
    config = BundleConfig.model_validate(guided)
    network = build_network(config.network, SIZE)
    digest = save_bundle(tmp_path / "bundle", network, config=config, card={})
    bundle = RegisteredBundle("flow", 1, (), digest, tmp_path / "bundle", {})
    learnt = sum(weight.numel() for weight in network.unet.parameters())
    assert served(bundle).parameters == learnt
    assert sum(weight.numel() for weight in network.guide.parameters()) == learnt
