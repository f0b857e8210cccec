"""A small convolutional classifier that the same images always train to the same weights."""

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from mrigen.data.augmentation import AugmentationConfig, augment, draw_augmentation
from mrigen.data.corruptions.batches import Item
from mrigen.errors import DataError
from mrigen.evaluation.threads import one_thread
from mrigen.seeds import rng, torch_seed

#: Moved a little: what a slice shows, not where each pixel lies.
LIGHT = AugmentationConfig(
    flip=0.5, rotation_degrees=5, translation=0.04, scale=0.04, probability=0.75
)
#: Swapped left and right alone: moving by parts of a pixel would blur what tells real from made.
MIRRORED = AugmentationConfig(flip=0.5)

_BATCH = 32
_PREDICTED = 64  # images at a time
_WIDTHS = (8, 16, 32, 64, 64, 64)  # channels after each halving
_LEARNING_RATE = 4e-3
_WEIGHT_DECAY = 0.01
_RISING = 0.1  # share of the steps in which the learning rate rises

Labels = npt.NDArray[np.int64]


class Examples(NamedTuple):
    """Slices and what they are examples of.

    Attributes
    ----------
    images : (N, 1, H, W) uint8
        Of eight bits, as generated slices are handed out: a finer real one would give itself away.
    labels : (N,) int64
        Numbers of classes, from 0.
    """

    images: npt.NDArray[np.uint8]
    labels: Labels

    def joined(self, others: "Examples") -> "Examples":
        """Return these and the others."""
        images = np.concatenate([self.images, others.images])
        return Examples(images, np.concatenate([self.labels, others.labels]))


class Training(NamedTuple):
    """How a classifier is trained: a fixed number of steps, whatever the number of images.

    Attributes
    ----------
    steps
        Batches of 32 images, as many of each class.
    augmentation
        What is done to them.
    seed
        Of the first weights, the order and the augmentation.
    device
        Where it is done.
    """

    steps: int
    augmentation: AugmentationConfig
    seed: int
    device: torch.device = torch.device("cpu")


class Classifier(nn.Module):
    """Strided 3 x 3 convolutions, the mean over all places, one linear layer.

    Parameters
    ----------
    classes
        Number of classes.
    image_size
        Height and width; images of 64 pixels are halved four times, to 24,754 weights.

    Notes
    -----
    Groups of channels are normalised within each image, so that an answer depends on nothing
    else in its batch (Wu and He 2018, doi:10.48550/arXiv.1803.08494).
    """

    def __init__(self, classes: int, image_size: int) -> None:
        super().__init__()
        halvings = min(max(3, int(math.log2(image_size)) - 2), len(_WIDTHS))
        layers: list[nn.Module] = []
        for before, after in pairwise((1, *_WIDTHS[:halvings])):
            convolution = nn.Conv2d(before, after, 3, stride=2, padding=1)
            layers += [convolution, nn.GroupNorm(4, after), nn.ReLU()]
        self.features = nn.Sequential(*layers)
        self.output = nn.Linear(_WIDTHS[halvings - 1], classes)

    def forward(self, images: Tensor) -> Tensor:
        """Map (N, 1, H, W) in [0, 1] to (N, classes) logits."""
        logits: Tensor = self.output(self.features(images).mean((-2, -1)))
        return logits


def build_classifier(classes: int, image_size: int, *, seed: int) -> Classifier:
    """Draw the first weights, which depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(seed, "classifier"))
        return Classifier(classes, image_size)


def train_classifier(examples: Examples, *, classes: int, training: Training) -> Classifier:
    """Train on examples, as many of each class in every batch.

    Parameters
    ----------
    examples
        At least one of each class.
    classes
        Number of classes.
    training
        How.

    Returns
    -------
    Classifier
        In evaluation mode on `training.device`.

    Raises
    ------
    DataError
        If a class has no example.

    Notes
    -----
    Adam with decoupled weight decay (doi:10.48550/arXiv.1711.05101); the learning rate rises
    for a tenth of the steps and falls to zero as a cosine. On a CPU it is done on one thread,
    since sums over several have other last bits, which training makes larger.
    """
    require_every_class(examples.labels, classes)
    network = build_classifier(classes, examples.images.shape[-1], seed=training.seed)
    network = network.to(training.device)
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=_WEIGHT_DECAY)
    with one_thread():
        for step, chosen in enumerate(_balanced(examples.labels, classes, training)):
            items = [Item(training.seed, "classifier", step, place) for place in range(len(chosen))]
            images = _floats(examples.images[chosen], training.device)
            images = augment(images, draw_augmentation(training.augmentation, items))
            truth = torch.from_numpy(examples.labels[chosen]).to(training.device)
            for group in optimiser.param_groups:
                group["lr"] = _LEARNING_RATE * _schedule(step, training.steps)
            optimiser.zero_grad()
            loss = functional.cross_entropy(network(images), truth)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
    return network.eval()


def classify(network: Classifier, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Return the probability of each class for (N, 1, H, W) uint8 images, (N, classes)."""
    device = next(network.parameters()).device
    parts = []
    with torch.inference_mode(), one_thread():
        for start in range(0, len(images), _PREDICTED):
            logits = network(_floats(images[start : start + _PREDICTED], device))
            parts.append(logits.double().softmax(1).cpu().numpy())
    return np.concatenate(parts)


def answer(network: Classifier, images: npt.NDArray[np.uint8]) -> Labels:
    """Return the most probable class of (N, 1, H, W) uint8 images, (N,)."""
    return np.asarray(classify(network, images).argmax(1), np.int64)


def require_every_class(labels: Labels, classes: int) -> None:
    """Refuse examples in which a class is missing.

    Raises
    ------
    DataError
        If one is.
    """
    found = np.unique(labels).tolist()
    if found != list(range(classes)):
        raise DataError(
            f"there are examples of the classes {found}: expected some of each of {classes}. "
            "Give the classifier more slices."
        )


def _balanced(labels: Labels, classes: int, training: Training) -> Iterator[Labels]:
    """Yield the places of each batch, drawn with replacement, the classes in turn."""
    members = [np.flatnonzero(labels == label) for label in range(classes)]
    stream = rng(training.seed, "batches")
    for step in range(training.steps):
        shares = stream.random(_BATCH)
        turns = (np.arange(_BATCH) + step * _BATCH) % classes
        drawn = zip((members[turn] for turn in turns), shares, strict=True)
        yield np.array([places[int(share * len(places))] for places, share in drawn])


def _schedule(step: int, steps: int) -> float:
    done = (step + 1) / steps
    if done < _RISING:
        return done / _RISING
    return 0.5 * (1 + math.cos(math.pi * (done - _RISING) / (1 - _RISING)))


def _floats(images: npt.NDArray[np.uint8], device: torch.device) -> Tensor:
    return torch.from_numpy(images).to(device).float() / 255
