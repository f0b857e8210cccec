"""Small models as Keras 2 saves them, with the answers that Keras would give, in NumPy alone."""

import json
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


@dataclass
class Answer:
    """What a layer makes of the images, (N, H, W, C), and the layer's name."""

    values: np.ndarray
    layer: str


class KerasModel:
    """Builds a model layer by layer and computes each layer's answer at once."""

    def __init__(self, images: np.ndarray, *, seed: int = 0, regularised: bool = False) -> None:
        self.rng = np.random.default_rng(seed)
        self.layers: list[dict] = []
        self.weights: dict[str, dict[str, np.ndarray]] = {}
        self.regularised = regularised
        shape = [None, *images.shape[1:]]
        self.input = self._layer("InputLayer", images, [], {"batch_input_shape": shape})

    def conv(
        self, x, filters, kernel=3, stride=1, *, activation="linear", padding="same", positive=False
    ):
        weights = self._kernel((kernel, kernel, x.values.shape[-1], filters), filters)
        if positive:  # a rectified output may else be zero everywhere
            weights = {name: np.abs(values) for name, values in weights.items()}
        answer = convolve(x.values, weights["kernel"], stride) + weights["bias"]
        answer = {"linear": answer, "relu": np.maximum(answer, 0), "sigmoid": sigmoid(answer)}
        config = self._convolution(filters, kernel, stride, activation, padding)
        return self._layer("Conv2D", answer[activation], [x], config, weights)

    def up_conv(self, x, filters, kernel=3, stride=2):
        weights = self._kernel((kernel, kernel, filters, x.values.shape[-1]), filters)
        answer = convolve_back(x.values, weights["kernel"], stride) + weights["bias"]
        config = self._convolution(filters, kernel, stride, "linear", "same")
        config["output_padding"] = None
        return self._layer("Conv2DTranspose", answer, [x], config, weights)

    def norm(self, x):
        channels = x.values.shape[-1]
        weights = {
            "gamma": self.rng.uniform(0.5, 1.5, channels),
            "beta": self.rng.normal(0, 0.3, channels),
            "moving_mean": self.rng.normal(0, 0.3, channels),
            "moving_variance": self.rng.uniform(0.3, 2, channels),
        }
        scale = weights["gamma"] / np.sqrt(weights["moving_variance"] + 1e-3)
        answer = (x.values - weights["moving_mean"]) * scale + weights["beta"]
        config = {"axis": [3], "momentum": 0.99, "epsilon": 0.001, "center": True, "scale": True}
        return self._layer("BatchNormalization", answer, [x], config, weights)

    def relu(self, x):
        config = {"max_value": None, "negative_slope": 0.0, "threshold": 0.0}
        return self._layer("ReLU", np.maximum(x.values, 0), [x], config)

    def activation(self, x, name):
        answer = {"relu": np.maximum(x.values, 0), "sigmoid": sigmoid(x.values)}[name]
        return self._layer("Activation", answer, [x], {"activation": name})

    def add(self, *inputs):
        return self._layer("Add", sum(x.values for x in inputs), inputs, {})

    def concatenate(self, *inputs):
        answer = np.concatenate([x.values for x in inputs], axis=3)
        return self._layer("Concatenate", answer, inputs, {"axis": -1})

    def dropout(self, x, rate, kind="SpatialDropout2D"):
        return self._layer(kind, x.values, [x], {"rate": rate})

    def max_pool(self, x):
        n, h, w, c = x.values.shape
        answer = x.values.reshape(n, h // 2, 2, w // 2, 2, c).max(axis=(2, 4))
        config = {"pool_size": [2, 2], "strides": [2, 2], "padding": "valid"}
        return self._layer("MaxPooling2D", answer, [x], config | _FORMAT)

    def up_sample(self, x):
        answer = x.values.repeat(2, axis=1).repeat(2, axis=2)
        config = {"size": [2, 2], "interpolation": "nearest"}
        return self._layer("UpSampling2D", answer, [x], config | _FORMAT)

    def plan(self, output: Answer) -> dict:
        """`model_config` as plain values."""
        ends = {
            "input_layers": [[self.input.layer, 0, 0]],
            "output_layers": [[output.layer, 0, 0]],
        }
        return {
            "class_name": "Functional",
            "config": {"name": "model", "layers": self.layers, **ends},
        }

    def save(self, path: Path, output: Answer, plan: dict | None = None) -> Path:
        """Write the file; `plan` in place of the model's own."""
        with h5py.File(path, "w") as file:
            file.attrs["keras_version"] = "2.4.0"
            file.attrs["backend"] = "tensorflow"
            file.attrs["model_config"] = json.dumps(plan or self.plan(output))
            # A loss that only its author's code can make: it must not matter.
            file.attrs["training_config"] = json.dumps({"loss": "DSSIM", "metrics": ["PSNR"]})
            root = file.create_group("model_weights")
            root.attrs["layer_names"] = np.array([*self.weights], dtype="S")
            for layer, weights in self.weights.items():
                group = root.create_group(layer)
                names = [f"{layer}/{name}:0" for name in weights]
                group.attrs["weight_names"] = np.array(names, dtype="S")
                for name, values in zip(names, weights.values(), strict=True):
                    group.create_dataset(name, data=values.astype(np.float32))
        return path

    def _layer(self, kind, answer, inputs, config, weights=None) -> Answer:
        name = f"{kind.lower()}_{len(self.layers)}"
        self.weights[name] = weights or {}
        calls = [[[x.layer, 0, 0, {}] for x in inputs]] if inputs else []
        config = {"name": name, "trainable": True, "dtype": "float32", **config}
        self.layers.append({"class_name": kind, "config": config, "inbound_nodes": calls})
        return Answer(answer, name)

    def _kernel(self, shape, filters):
        kernel = self.rng.normal(0, (2 / np.prod(shape[:3])) ** 0.5, shape)
        return {"kernel": kernel, "bias": self.rng.normal(0, 0.2, filters)}

    def _convolution(self, filters, kernel, stride, activation, padding):
        penalty = {"class_name": "L2", "config": {"l2": 1e-5}} if self.regularised else None
        return {
            "filters": filters,
            "kernel_size": [kernel, kernel],
            "strides": [stride, stride],
            "padding": padding,
            "dilation_rate": [1, 1],
            "groups": 1,
            "activation": activation,
            "use_bias": True,
            "kernel_regularizer": penalty,
            **_FORMAT,
        }


_FORMAT = {"data_format": "channels_last"}


def sigmoid(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-values))


def convolve(images: np.ndarray, kernel: np.ndarray, stride: int) -> np.ndarray:
    """Correlate (N, H, W, I) with (h, w, I, O), padded with zeros to ceil(H / stride)."""
    size = kernel.shape[0]
    paddings = []
    for side in images.shape[1:3]:
        total = max((-(-side // stride) - 1) * stride + size - side, 0)
        paddings.append((total // 2, total - total // 2))
    padded = np.pad(images, [(0, 0), *paddings, (0, 0)])
    windows = sliding_window_view(padded, (size, size), axis=(1, 2))[:, ::stride, ::stride]
    return np.einsum("nyxihw,hwio->nyxo", windows, kernel)


def convolve_back(images: np.ndarray, kernel: np.ndarray, stride: int) -> np.ndarray:
    """Spread each pixel of (N, H, W, I) over the output by (h, w, O, I), then crop."""
    count, height, width, _ = images.shape
    size = kernel.shape[0]
    shape = (count, height * stride + size, width * stride + size, kernel.shape[2])
    spread = np.zeros(shape)
    for y in range(size):
        for x in range(size):
            rows, columns = (
                slice(y, y + height * stride, stride),
                slice(x, x + width * stride, stride),
            )
            spread[:, rows, columns] += np.einsum("nyxi,oi->nyxo", images, kernel[y, x])
    before = max(size - stride, 0) // 2
    return spread[:, before : before + height * stride, before : before + width * stride]
