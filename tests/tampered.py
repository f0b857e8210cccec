"""Ways to spoil a registered folder, by somebody who can write to the files of a store."""

import json
import os
import pickle

import torch
import yaml

BUNDLE = "artifacts/bundle"


def change_byte(path, at=-2):
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def change_mlmodel(root, change):
    values = yaml.safe_load((root / "MLmodel").read_text())
    change(values)
    (root / "MLmodel").write_text(yaml.safe_dump(values))


def _flavour(**changes):
    def spoil(root):
        change_mlmodel(root, lambda values: values["flavors"]["python_function"].update(changes))

    return spoil


def _another_flavour(root):
    change_mlmodel(root, lambda values: values["flavors"].update(sklearn={"pickled_model": "m"}))


def _another_bundle(root):
    change_mlmodel(root, lambda values: values["metadata"].update({"mrigen.bundle": "0" * 64}))


def _pickle(name):
    def spoil(root):
        (root / name).write_bytes(pickle.dumps({"a": 1}))

    return spoil


def _pickled_weights(root):
    torch.save({"a": torch.zeros(2)}, root / BUNDLE / "weights.safetensors")


def _link(root):
    outside = root.parent / "outside"
    outside.write_text(json.dumps({"model": "vae"}))
    (root / BUNDLE / "card.json").unlink()
    (root / BUNDLE / "card.json").symlink_to(outside)


def _linked_folder(root):
    (root / "artifacts").rename(root.parent / "elsewhere")
    (root / "artifacts").symlink_to(root.parent / "elsewhere")


def _pipe(root):
    (root / BUNDLE / "card.json").unlink()
    os.mkfifo(root / BUNDLE / "card.json")


def _large(root):
    (root / BUNDLE / "card.json").write_text(json.dumps({"model": "v" * 2**20}))


def _byte(name):
    return lambda root: change_byte(root / name)


# What is done to the folder, and what the refusal says of it.
SPOILT = {
    "weights": (_byte(f"{BUNDLE}/weights.safetensors"), "not those that were registered"),
    "configuration": (_byte(f"{BUNDLE}/config.json"), "not those that were registered"),
    "card": (_byte(f"{BUNDLE}/card.json"), r"card\.json"),
    "code": (_byte("pyfunc_model.py"), r"'pyfunc_model\.py' of model 'vae' version 2 is not"),
    "requirements": (_byte("requirements.txt"), r"'requirements\.txt' of model 'vae' version 2"),
    "pickle": (_pickle("python_model.pkl"), r"holds 'python_model\.pkl'"),
    "checkpoint": (_pickle(f"{BUNDLE}/weights.pt"), r"holds 'artifacts/bundle/weights\.pt'"),
    "pickled weights": (_pickled_weights, "not those that were registered"),
    "another flavour": (_another_flavour, "flavours 'python_function, sklearn'"),
    "another loader": (_flavour(loader_module="mlflow.sklearn"), "loads with 'mlflow.sklearn'"),
    "a pickled model": (_flavour(python_model="python_model.pkl"), "no pickle"),
    "another bundle's": (_another_bundle, "'MLmodel' of another bundle"),
    "a link": (_link, r"link 'artifacts/bundle/card\.json', which leads out"),
    "a linked folder": (_linked_folder, "link 'artifacts', which leads out"),
    "a pipe": (_pipe, r"'artifacts/bundle/card\.json', which is no ordinary file"),
    "a large card": (_large, "expected at most 1048576"),
}
