"""Compiled networks learn the same; here without the compiler of C++, which takes a minute."""

from itertools import count

import pytest
import torch
from torch import nn

import small_models
from mrigen.bundle import BundleConfig, load_bundle, save_bundle
from mrigen.training.compiling import compile_parts
from mrigen.training.loop import fit, start_state, validate
from mrigen.training.runtime import choose_runtime

COMPILED = choose_runtime(device="cpu", compiled=True)


@pytest.fixture
def compiled(monkeypatch):
    """Trace and differentiate as a compiler does, and run the graphs as they are."""
    plain, names = nn.Module.compile, []

    def compile_traced(module, **options):
        names.append(type(module).__name__)
        plain(module, backend="aot_eager", **options)

    monkeypatch.setattr(nn.Module, "compile", compile_traced)
    yield names
    torch.compiler.reset()


# Torch's own, when a part is handed what another compiled part has made.
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
def test_a_compiled_training_is_nearly_the_same(compiled, tmp_path):
    model = "vae"
    config = small_models.settings(model, epochs=1, ema_decay=0.9)
    curves, states = [], []
    for runtime in (small_models.CPU, COMPILED):
        state = start_state(small_models.bind(model, small_models.build(model)), config, runtime)
        torch.manual_seed(0)
        batches = (small_models.batch(model, step) for step in count())
        steps = fit(state, batches, config, steps_per_epoch=5, runtime=runtime)
        curves += [point.terms for point in steps if point.terms is not None]
        states.append(state)
    assert compiled
    for name, value in curves[0].items():
        assert curves[1][name] == pytest.approx(value, rel=1e-3, abs=1e-5), name
    names = [list(state.network.state_dict()) for state in states]
    assert names[0] == names[1]
    uneven = [small_models.batch(model), small_models.batch(model, count=3)]
    assert validate(states[1].objective, uneven, seed=0, runtime=COMPILED)
    network = states[1].final_network
    values = {"model": model, "image_size": 16, "network": small_models.MODELS[model][0]}
    save_bundle(tmp_path / "bundle", network, config=BundleConfig(**values), card={})
    again = load_bundle(tmp_path / "bundle").model.state_dict()
    assert all(torch.equal(again[name], value) for name, value in network.state_dict().items())


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("vae", ["Encoder", "Decoder"]),
        ("gan_spectral", ["Generator", "Discriminator"]),
        ("gan7", ["Generator"]),  # with R1
        ("gan_penalty", ["Generator"]),
        ("gan_study", ["Generator"]),
        ("unet", ["UNet"]),
        ("residual_unet", ["ResidualUNet"]),
        ("flow_told", ["VelocityUNet"]),
    ],
)
def test_what_is_called_is_compiled_unless_it_is_differentiated_twice(model, expected, compiled):
    compile_parts(small_models.bind(model, small_models.build(model)))
    assert compiled == expected
