import hashlib
import warnings

import pytest
import torch
from torch import nn

from mrigen.config import parse_config
from mrigen.errors import ConfigError, ModelError
from mrigen.evaluation.config import EvaluationConfig

OWN = {
    "name": "torchscript",
    "label": "own",
    "path": "nets/own.pt",
    "channels": 1,
    "size": 16,
    "value_range": [-1, 1],
}


def parse(*extractors):
    values = {"extractors": list(extractors)}
    return parse_config(EvaluationConfig, values, source="params.yaml").extractors


def write_network(path):
    path.parent.mkdir(parents=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        network = nn.Sequential(nn.AvgPool2d(4), nn.Flatten())
        torch.jit.save(torch.jit.script(network), path)


def test_efficientnet_is_the_default():
    (extractor,) = EvaluationConfig().extractors
    assert extractor.label == "efficientnet_lite0"
    assert extractor.build().name == "efficientnet_lite0"


def test_a_file_of_the_project_is_an_extractor(tmp_path):
    write_network(tmp_path / "nets/own.pt")
    (config,) = parse(OWN)
    extractor = config.build("cpu", root=tmp_path)
    assert (config.label, extractor.name, extractor.features) == ("own", "own", 16)
    assert extractor(torch.zeros(2, 1, 16, 16)).tolist() == [[-1] * 16] * 2
    (absolute,) = parse(OWN | {"path": str(tmp_path / "nets/own.pt")})
    assert absolute.build("cpu", root=tmp_path / "elsewhere").digest == extractor.digest
    digest = hashlib.sha256((tmp_path / "nets/own.pt").read_bytes()).hexdigest()
    (pinned,) = parse(OWN | {"sha256": digest})
    assert pinned.build(root=tmp_path).features == 16
    (other,) = parse(OWN | {"sha256": "0" * 64})
    with pytest.raises(ModelError, match="expected 0000"):
        other.build(root=tmp_path)


def test_several_extractors_stand_beside_each_other():
    configs = parse(
        {"name": "efficientnet_lite0"}, {"name": "inception", "weights": "fid.pth"}, OWN
    )
    assert [config.label for config in configs] == ["efficientnet_lite0", "inception", "own"]


@pytest.mark.parametrize(
    "config", [{"name": "inception", "weights": "nets/none.pth"}, OWN], ids=lambda c: c["name"]
)
def test_missing_files_are_told_with_their_place(tmp_path, config):
    (extractor,) = parse(config)
    with pytest.raises(ModelError, match=rf"'{tmp_path}/nets/.*cannot be read \(No such file"):
        extractor.build(root=tmp_path)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"name": "resnet"}, r"extractors.0.name' is 'resnet': expected 'efficientnet_lite0', "),
        ({"name": "inception"}, r"'extractors.0.weights' is missing"),
        ({key: OWN[key] for key in OWN if key != "size"}, r"'extractors.0.size' is missing"),
        (OWN | {"value_range": [1, 0]}, "expected two numbers, the smaller first"),
        (OWN | {"value_range": [0, 1, 2]}, "value_range"),
        (OWN | {"label": "inception"}, "expected a label of its own"),
        (OWN | {"label": "Own net"}, "label"),
        (OWN | {"channels": 0}, "channels"),
        (OWN | {"size": True}, "size"),
        (OWN | {"sha256": "12ab"}, "sha256"),
        (OWN | {"weights": "x"}, "'extractors.0.weights' is not a known key"),
    ],
)
def test_mistakes_are_told_at_their_key(config, message):
    with pytest.raises(ConfigError, match=message):
        parse(config)


def test_a_label_stands_for_one_extractor():
    with pytest.raises(ConfigError, match="each at most once"):
        parse(OWN, OWN | {"path": "other.pt"})
