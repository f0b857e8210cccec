"""Which models no other beats, and a figure in which every name can be read."""

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.text import Text
from PIL import Image

from mrigen.evaluation.comparison import pareto
from mrigen.evaluation.comparison.pareto import Panel, Point, pareto_figure, pareto_front

NAMES = ["vae", "vqvae", "gan15", "unet", "shallow_residual_ae", "skip_cae", "myronenko_cae"]


def points(count=7):
    return [
        Point(name, 100 + 3 * place, 30 + 0.01 * place, 29.9, 30.2)
        for place, name in enumerate(NAMES[:count])
    ]


numbers = st.integers(1, 5)


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=8), st.booleans())
def test_the_front_is_what_no_point_beats(places, higher):
    found = [Point(str(number), *place) for number, place in enumerate(places)]
    sign = 1 if higher else -1
    front = pareto_front(found, "higher" if higher else "lower")
    spots = {(point.seconds, point.value) for point in front}
    for point in found:
        beaten = any(
            other.seconds <= point.seconds
            and sign * other.value >= sign * point.value
            and (other.seconds, other.value) != (point.seconds, point.value)
            for other in found
        )
        assert ((point.seconds, point.value) not in spots) == beaten
    assert [point.seconds for point in front] == sorted(point.seconds for point in front)


@pytest.mark.parametrize("count", [1, 2, 7])
def test_names_cover_neither_each_other_nor_marks(count, monkeypatch):
    drawn = []
    plain = pareto.figure_png
    monkeypatch.setattr(pareto, "figure_png", lambda figure: drawn.append(figure) or plain(figure))
    panel = Panel("heads", "SSIM", "higher", points(count))
    pareto_figure([panel])
    (figure,) = drawn
    axes = figure.axes[0]
    boxes = [Text.get_window_extent(text) for text in axes.texts]
    assert sorted(text.get_text() for text in axes.texts) == sorted(NAMES[:count])
    for place, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[place + 1 :])
    marks = [axes.transData.transform((p.seconds, p.value)) for p in panel.points]
    assert not any(box.contains(*mark) for box in boxes for mark in marks)


def test_the_same_panels_give_the_same_picture():
    panels = [
        Panel("heads", "SSIM", "higher", points()),
        Panel("tumours", "Distance over floor", "lower", [Point("gan4", 5.0, 9.0)]),
    ]
    first, again = pareto_figure(panels), pareto_figure(panels)
    assert first == again
    with Image.open(BytesIO(first)) as picture:
        assert picture.size[0] > 900
