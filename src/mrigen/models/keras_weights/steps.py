"""A network as a graph of what it computes, in the words of Keras."""

from collections.abc import Sequence
from dataclasses import dataclass, field

Settings = dict[str, object]

_SHOWN = 3  # problems told in one sentence

# Settings of activations, which Keras writes as layers of their own or inside of others.
ACTIVATIONS: dict[str, Settings] = {
    "relu": {"max_value": None, "negative_slope": 0.0, "threshold": 0.0},
    "sigmoid": {},
}


@dataclass(frozen=True)
class Node:
    """One step of a computation.

    Attributes
    ----------
    kind
        Class of the Keras layer, or name of the activation.
    settings
        What decides the step's function besides its weights.
    inputs
        Places of the nodes it takes.
    owner
        The Keras layer or the PyTorch module that it belongs to.
    """

    kind: str
    settings: Settings
    inputs: tuple[int, ...]
    owner: str


@dataclass
class Graph:
    """Steps in an order in which they can be computed.

    Attributes
    ----------
    nodes
        The steps; dropout, which does nothing once a network is trained, is none.
    output
        Place of the step whose answer is the network's.
    dropout
        The rates of the dropout layers that were left out.
    image_shape
        Height, width and channels that the input asks for; None where it takes any.
    """

    nodes: list[Node] = field(default_factory=list)
    output: int = 0
    dropout: list[float] = field(default_factory=list)
    image_shape: tuple[int | None, ...] = ()

    def add(self, kind: str, settings: Settings, inputs: Sequence[int], owner: str) -> int:
        """Append a step and return its place."""
        self.nodes.append(Node(kind, settings, tuple(inputs), owner))
        return len(self.nodes) - 1


def short(value: object) -> str:
    """Return `value` as one line that is short enough for a sentence.

    A file's own words could drive the terminal that shows them: what cannot be printed is replaced.
    """
    text = " ".join(str(value).split())
    text = text if len(text) <= 60 else f"{text[:57]}..."
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )


def first_few(problems: Sequence[str]) -> str:
    """Join problems to a clause: the first three, and how many more there are."""
    more = len(problems) - _SHOWN
    return ", ".join(problems[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
