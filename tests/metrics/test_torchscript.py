import contextlib
import hashlib
import random
import re
import warnings
import zipfile

import pytest
import torch
from torch import nn
from torch.nn import functional

from mrigen.errors import ModelError
from mrigen.metrics import torchscript
from mrigen.metrics.torchscript import torchscript_extractor
from mrigen.metrics.torchscript_archive import require_plain_torchscript

SIZE = 12


class Pooled(nn.Module):
    def __init__(self, channels=3):
        super().__init__()
        self.convolution = nn.Conv2d(channels, 5, 3)
        self.dropout = nn.Dropout(0.5)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        hidden = functional.interpolate(self.convolution(images), [4, 4], mode="bilinear")
        return self.dropout(functional.relu(hidden)).mean(dim=[2, 3])


class Flat(nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.flatten(1)


class Averaged(nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return (images - images.mean()).flatten(1)


class Pair(nn.Module):
    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return images, images


class Joined(nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.flatten()


class Divided(nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return (images / images.amax(dim=[2, 3], keepdim=True)).flatten(1)


class Writer(nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        torch.save(images, "written")
        return images.flatten(1)


class Reader(nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.from_file("secret", False, 4).expand(len(images), 4)


def script(path, network, *, tracing=False):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        if tracing:
            scripted = torch.jit.trace(network.eval(), torch.rand(2, 3, SIZE, SIZE))
        else:
            scripted = torch.jit.script(network)
        torch.jit.save(scripted, path)
    return path


def load(path, **settings):
    settings = {"channels": 3, "size": SIZE, "value_range": (-1.0, 1.0)} | settings
    return torchscript_extractor(path, label="own", **settings)


def rewritten(path, edit):
    """Write an archive's members anew, after `edit` has changed a dictionary of them."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    edit(members)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("tracing", [False, True])
def test_features_are_those_of_the_network_in_evaluation_mode(tmp_path, tracing):
    network = Pooled()
    extractor = load(script(tmp_path / "net.pt", network, tracing=tracing))
    images = torch.rand(3, 1, SIZE, SIZE)
    with torch.inference_mode():
        expected = network.eval()((2 * images - 1).expand(3, 3, SIZE, SIZE))
    assert torch.allclose(extractor(images), expected, atol=1e-6)
    assert (extractor.name, extractor.features) == ("own", 5)
    assert extractor(torch.rand(2, 1, 30, 20)).shape == (2, 5)


def test_the_digest_is_that_of_the_file_and_of_what_is_declared(tmp_path):
    path = script(tmp_path / "net.pt", Flat())
    other = script(tmp_path / "other.pt", Pooled())
    digests = [
        load(path).digest,
        load(path, channels=1).digest,
        load(path, size=SIZE + 1).digest,
        load(path, value_range=(0.0, 1.0)).digest,
        load(other).digest,
    ]
    assert len(set(digests)) == len(digests)
    assert load(path).digest == digests[0]


def test_a_file_can_be_pinned(tmp_path):
    path = script(tmp_path / "net.pt", Flat())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert load(path, digest=digest.upper()).features == 3 * SIZE**2
    with pytest.raises(ModelError, match=f"has the sha256 {digest}: expected 0000"):
        load(path, digest="0" * 64)


def test_missing_and_large_files_are_refused(tmp_path, monkeypatch):
    with pytest.raises(ModelError, match="cannot be read"):
        load(tmp_path / "none.pt")
    path = script(tmp_path / "net.pt", Flat())
    monkeypatch.setattr(torchscript, "MAX_BYTES", 100)
    with pytest.raises(ModelError, match="expected at most 100"):
        load(path)


def test_other_files_are_refused_before_torch_sees_them(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.jit, "load", lambda *_, **__: pytest.fail("was loaded"))
    path = tmp_path / "net.pt"
    path.write_bytes(b"not a network")
    with pytest.raises(ModelError, match="no TorchScript file"):
        load(path)
    torch.save({"weight": torch.rand(2)}, path)
    with pytest.raises(ModelError, match=r"lacks 'constants\.pkl'"):
        load(path)
    path.write_bytes(script(tmp_path / "cut.pt", Flat()).read_bytes()[:-30])
    with pytest.raises(ModelError, match="no TorchScript file"):
        load(path)


@pytest.mark.parametrize(
    ("network", "name"), [(Writer(), "save"), (Reader(), "from_file")], ids=["writes", "reads"]
)
def test_code_that_reaches_files_is_refused_before_it_can_run(tmp_path, monkeypatch, network, name):
    path = script(tmp_path / "net.pt", network)
    monkeypatch.setattr(torch.jit, "load", lambda *_, **__: pytest.fail("was loaded"))
    with pytest.raises(ModelError, match=f"uses '{name}'"):
        load(path)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("torch. # a comment\n  save(x, 'a')", "save"),
        ("x.save('a')", "save"),
        ("y = ops.c10d.send(x)", "ops.c10d"),
        ("y = ops . inductor.run(x)", "ops.inductor"),
        ("y : __torch__.torch.classes.dist.Store = x", "torch.classes"),
        ("y = ops", "ops"),
        ("(ops).inductor.run(x)", "ops"),
        ("y = __torch__.torch", "__torch__.torch"),
        ("getattr(torch, 'save')(x, 'a')", "getattr 'save'"),
        ("getattr(getattr(x, '0'), 's' 'ave')('a')", "getattr 's'"),
        ("getattr(torch, '\\x73ave')(x, 'a')", "getattr '"),
        ("y = getattr", "getattr"),
    ],
)
def test_code_with_foreign_operators_is_refused(tmp_path, line, found):
    def edit(members):
        members["net/code/__torch__.py"] = f"def f(x):\n  ({line})\n".encode()

    path = rewritten(script(tmp_path / "net.pt", Flat()), edit)
    with pytest.raises(ModelError, match=re.escape(f"uses '{found}")):
        load(path)


def test_words_in_texts_and_modules_called_ops_will_do(tmp_path):
    class Ops(nn.Module):
        def __init__(self):
            super().__init__()
            self.ops = nn.Sequential(nn.Flatten())
            self.getattr = nn.ModuleDict({"a b": nn.ReLU()})

        def forward(self, ops: torch.Tensor) -> torch.Tensor:
            assert ops.ndim == 4, "torch.save is not called here, nor ops.evil"
            for module in self.getattr.values():
                ops = module(ops)
            return self.ops(ops)

    assert load(script(tmp_path / "net.pt", Ops())).features == 3 * SIZE**2


def test_foreign_and_double_members_are_refused(tmp_path):
    path = rewritten(
        script(tmp_path / "net.pt", Flat()), lambda members: members.update({"net/a.sh": b""})
    )
    with pytest.raises(ModelError, match=r"holds 'a\.sh'"):
        load(path)
    path = script(tmp_path / "net.pt", Flat())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("net/constants.pkl", b"")
    with pytest.raises(ModelError, match="two of its members have one name"):
        load(path)


@pytest.mark.parametrize(
    ("network", "settings", "message"),
    [
        (Pooled(channels=4), {}, r"no answer to images of shape \(2, 3, 12, 12\)"),
        (Pair(), {}, "answers two images with tuple"),
        (Joined(), {}, "answers two images with"),
        (Divided(), {"value_range": (0.0, 1.0)}, "no finite features"),
        (Averaged(), {}, "differently alone and in company"),
    ],
)
def test_networks_that_do_not_answer_with_features_are_refused(
    tmp_path, network, settings, message
):
    with pytest.raises(ModelError, match=message):
        load(script(tmp_path / "net.pt", network), **settings)


def test_damaged_code_is_told_in_one_sentence(tmp_path):
    def edit(members):
        members["net/code/__torch__.py"] = b"class Flat(Module):\n  def forward("

    with pytest.raises(ModelError, match="is no TorchScript file"):
        load(rewritten(script(tmp_path / "net.pt", Flat()), edit))

    def empty(members):
        members["net/data.pkl"] = b""

    with pytest.raises(ModelError, match="is no TorchScript file"):
        load(rewritten(script(tmp_path / "net.pt", Flat()), empty))


def test_damaged_archives_are_refused_or_whole(tmp_path):
    path = script(tmp_path / "net.pt", Pooled())
    content = path.read_bytes()
    chance = random.Random(0)
    for _ in range(40):
        damaged = bytearray(content)
        for _ in range(8):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        with contextlib.suppress(ModelError):
            require_plain_torchscript(bytes(damaged), path)
