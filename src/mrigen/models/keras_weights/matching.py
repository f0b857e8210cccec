"""Whether two graphs are the same function, step by step."""

from mrigen.models.keras_weights.steps import Graph, Node, short

Pairs = dict[str, str]


def match_graphs(found: Graph, wanted: Graph) -> tuple[Pairs, list[str]]:
    """Walk both graphs from their answers up to the image and compare each step.

    Parameters
    ----------
    found
        The graph of a file.
    wanted
        The graph of the network it should be.

    Returns
    -------
    pairs
        The Keras layer of each module of the network that was reached.
    problems
        One clause for each difference, from the answer upwards; none if the function is the same.

    Notes
    -----
    The order in which a sum takes its inputs is free, that of a concatenation is not. Names do
    not count: Keras numbers unnamed layers by what was built before in the same session.
    """
    families = _Families()
    of_found, of_wanted = families.of(found), families.of(wanted)
    partners: dict[int, int] = {}
    taken: dict[int, int] = {}
    pairs: Pairs = {}
    problems: list[str] = []
    ahead = [(found.output, wanted.output)]
    while ahead:
        here, there = ahead.pop()
        if partners.get(there) == here:
            continue
        one, other = found.nodes[here], wanted.nodes[there]
        if there in partners or here in taken:
            problems.append(f"'{short(one.owner)}' is connected otherwise")
            continue
        partners[there], taken[here] = here, there
        differences = _differences(one, other)
        problems.extend(differences)
        if one.kind != other.kind or len(one.inputs) != len(other.inputs):
            continue
        if not differences:
            pairs[other.owner] = one.owner
        inputs = one.inputs
        if one.kind == "Add" and len(inputs) == 2:
            crossed = of_found[inputs[0]] == of_wanted[other.inputs[1]]
            straight = of_found[inputs[0]] == of_wanted[other.inputs[0]]
            inputs = inputs[::-1] if crossed and not straight else inputs
        ahead.extend(zip(reversed(inputs), reversed(other.inputs), strict=True))
    if not problems:
        problems += [
            f"'{short(node.owner)}' ({node.kind}) has no counterpart"
            for place, node in enumerate(found.nodes)
            if place not in taken
        ]
    return pairs, problems


class _Families:
    """Gives the same number to steps that compute the same of the same, in any graph."""

    def __init__(self) -> None:
        self._known: dict[object, int] = {}

    def of(self, graph: Graph) -> list[int]:
        numbers: list[int] = []
        for node in graph.nodes:
            inputs = [numbers[place] for place in node.inputs]
            ordered = sorted(inputs) if node.kind == "Add" else inputs
            settings = sorted((key, repr(value)) for key, value in node.settings.items())
            key = (node.kind, tuple(settings), tuple(ordered))
            numbers.append(self._known.setdefault(key, len(self._known)))
        return numbers


def _differences(one: Node, other: Node) -> list[str]:
    name = short(one.owner)
    if one.kind != other.kind:
        return [f"'{name}' is {short(one.kind)}, not {other.kind}"]
    problems = [
        f"'{name}' has {key} {short(one.settings.get(key))}, not {short(other.settings.get(key))}"
        for key in sorted(one.settings.keys() | other.settings.keys())
        if one.settings.get(key) != other.settings.get(key)
    ]
    if len(one.inputs) != len(other.inputs):
        problems.append(f"'{name}' takes {len(one.inputs)} inputs, not {len(other.inputs)}")
    return problems
