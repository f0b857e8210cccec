"""Random YAML documents as people write them: braces and lines, comments, anchors, merges."""

from dataclasses import dataclass, field

from hypothesis import strategies as st

KEYS = ["epochs", "rate", "betas", "sampling", "name", "depth", "term", "on_top"]
SCALARS = ["1", "1.0e-3", "0.25", "true", "null", "adam", '"quoted, text"', "'it''s'", "-3", "2.5"]


@dataclass
class Scribe:
    """Writes one document; `draw` comes from a composite strategy."""

    draw: object
    anchors: dict[str, list[str]] = field(default_factory=lambda: {"scalar": [], "block": []})
    comments: int = 0
    names: int = 0

    def chance(self, share):
        return self.draw(st.integers(0, 99)) < 100 * share

    def pick(self, values):
        return self.draw(st.sampled_from(values))

    def comment(self, share=0.2):
        if not self.chance(share):
            return ""
        self.comments += 1
        return f" # remark {self.comments}: {{ not, a: block }}"

    def anchor(self, kind, write):
        """Write something with an anchor, usable only once it is complete."""
        if not self.chance(0.4):
            return write()
        self.names += 1
        name = f"{kind}{self.names}"
        text = write()
        self.anchors[kind].append(name)
        return f"&{name}{text if text[:1] in ('', chr(10)) else ' ' + text}"

    def alias(self, kind):
        known = self.anchors[kind]
        return f"*{self.pick(known)}" if known and self.chance(0.4) else None

    def scalar(self):
        return self.alias("scalar") or self.anchor("scalar", lambda: self.pick(SCALARS))

    def keys(self):
        return self.draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=4, unique=True))

    def merge(self):
        known = self.anchors["block"]
        if not known or not self.chance(0.5):
            return []
        if self.chance(0.2):
            several = self.draw(
                st.lists(st.sampled_from(known), min_size=1, max_size=2, unique=True)
            )
            return [f"<<: [{', '.join(f'*{name}' for name in several)}]"]
        return [f"<<: *{self.pick(known)}"]

    def flow(self, depth):
        if depth <= 0 or self.chance(0.5):
            return self.scalar()
        if self.chance(0.3):
            return f"[{', '.join(self.flow(0) for _ in range(self.draw(st.integers(0, 3))))}]"
        if alias := self.alias("block"):
            return alias
        return self.anchor("block", lambda: self.flow_block(depth))

    def flow_block(self, depth):
        entries = self.merge() + [f"{key}: {self.flow(depth - 1)}" for key in self.keys()]
        tight = self.chance(0.2)
        inside = ", ".join(entries) + ("," if self.chance(0.1) else "")
        return f"{{{inside}}}" if tight else f"{{ {inside} }}"

    def broken_flow(self, indent):
        """Write a block in braces over several lines, which may have remarks."""
        pad = " " * indent
        entries = self.merge() + [f"{key}: {self.flow(1)}" for key in self.keys()]
        commas = [","] * (len(entries) - 1) + [self.pick(["", ","])]
        inside = "\n".join(
            f"{pad}{text}{comma}{self.comment()}"
            for text, comma in zip(entries, commas, strict=True)
        )
        return f" {{{self.comment()}\n{inside}\n{pad}}}"

    def lines(self, depth, indent):
        """Write the entries of a block, each on lines of its own."""
        pad = " " * indent
        entries = [f"{pad}{text}{self.comment()}" for text in self.merge()]
        for key in self.keys():
            if self.chance(0.1):
                self.comments += 1
                entries.append(f"{pad}# remark {self.comments}")
            entries.append(f"{pad}{key}:{self.value(depth - 1, indent + 2)}")
        return "\n" + "\n".join(entries)

    def value(self, depth, indent):
        if depth <= 0 or self.chance(0.4):
            return f" {self.flow(depth)}{self.comment()}"
        if self.chance(0.15):
            items = [f"{' ' * indent}- {self.flow(1)}{self.comment()}" for _ in range(2)]
            return "\n" + "\n".join(items)
        if self.chance(0.15):
            return self.broken_flow(indent) + self.comment()
        if alias := self.alias("block"):
            return f" {alias}{self.comment()}"
        text = self.anchor("block", lambda: self.comment(0.1) + self.lines(depth, indent))
        return text if text[0] in " \n" else f" {text}"


@st.composite
def documents(draw):
    """Text of a document: some models, each a block of keys, which share blocks."""
    scribe = Scribe(draw)
    models = []
    for number in range(draw(st.integers(1, 4))):
        models.append(f"model{number}:{scribe.value(3, 2)}")
        if scribe.chance(0.3):
            models.append(draw(st.sampled_from(["", "# between"])))
    return "\n".join(models) + draw(st.sampled_from(["\n", "", "\n# the end\n"]))
