"""A page read as a browser would: its elements, its words, and whether all are closed."""

from html.parser import HTMLParser

VOID = {"meta", "link", "img", "input", "wbr"}


class ParsedPage(HTMLParser):
    """Collects elements and words; elements that are not closed in order fail."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.words = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def attributes(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]
