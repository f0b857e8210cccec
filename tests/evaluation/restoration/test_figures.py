from io import BytesIO

import numpy as np
import pytest
import torch
from matplotlib import colormaps
from PIL import Image

from damage import heads
from mrigen.evaluation.restoration import figures
from mrigen.metrics.intervals import Interval


def pixels(png):
    return np.asarray(Image.open(BytesIO(png)).convert("RGB"))


@pytest.fixture
def drawn(monkeypatch):
    """The figures that are drawn, before they become bytes."""
    kept = []
    whole = figures.figure_png
    monkeypatch.setattr(figures, "figure_png", lambda f: kept.append(f) or whole(f))
    return kept


def test_the_last_bits_of_floats_are_not_shown():
    images = heads(2, 24)
    near = (images + 1e-7).clamp(0, 1)
    shown = figures.in_eight_bits(images)
    assert torch.equal(figures.in_eight_bits(shown), shown)
    assert float((shown - images).abs().max()) <= 0.5 / 255 + 1e-6
    assert (shown != figures.in_eight_bits(near)).float().mean() < 1e-3


def test_the_colours_of_gains_read_in_grey():
    map_ = colormaps[figures._COLOURS](np.linspace(0, 1, 256))[:, :3]
    assert (np.diff(map_ @ [0.299, 0.587, 0.114]) > -1e-3).all()


def test_gains_stand_in_their_cells_with_a_sign(drawn):
    gains = {"blur": [1.26, -0.5], "motion": [-30.0, 12.0]}
    assert pixels(figures.gain_figure(gains, [0.5, 1.0])).std() > 0
    axes = drawn[0].axes[0]
    assert [text.get_text() for text in axes.texts] == ["+1.3", "-0.5", "-30.0", "+12.0"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["blur", "motion"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0.5", "1"]
    # White on the darkest, black on the lightest.
    assert [axes.texts[place].get_color() for place in (2, 3)] == ["white", "black"]


def test_the_same_gain_has_the_same_colour_in_every_figure(drawn):
    figures.gain_figure({"blur": [1.0]}, [1.0])
    figures.gain_figure({"blur": [1.0], "motion": [-9.0]}, [1.0])
    first, second = (figure.axes[0].images[0] for figure in drawn)
    assert first.norm(1.0) == second.norm(1.0)
    assert first.norm(0.0) == 0.5


def test_lines_have_their_intervals(drawn):
    lines = {"clean": [(1.0, Interval(2.0, 1.0, 3.0)), (2.0, Interval(3.0))]}
    figures.position_figure({"PSNR": lines, "SSIM": lines})
    panels = drawn[0].axes
    assert [axes.get_title() for axes in panels] == ["PSNR", "SSIM"]
    assert panels[0].lines[0].get_xydata().tolist() == [[1, 2], [2, 3]]
    (bar,) = panels[0].collections
    assert bar.get_segments()[0].tolist() == [[1, 1], [1, 3]]


def test_damage_is_noted_in_decibels_and_its_absence_in_words(drawn):
    clean = heads(1, 24)
    inputs = torch.cat([clean, clean * 0.5])
    png = figures.damage_figure(["clean", "dark"], inputs, clean.expand(2, -1, -1, -1), clean=clean)
    above, between, below = drawn[0].axes
    words = [text.get_text() for text in above.texts]
    assert {"clean", "dark", "no error"} < set(words)
    assert any(word.endswith(" dB") for word in words)
    assert [text.get_text() for text in between.texts] == ["no error", "no error"]
    assert np.asarray(below.images[0].get_array())[:, :24].max() == 0
    assert png == figures.damage_figure(
        ["clean", "dark"], inputs, clean.expand(2, -1, -1, -1), clean=clean
    )


def test_a_ladder_has_a_line_for_every_kind_and_shows_slices_as_they_are(drawn):
    clean = heads(1, 24)
    rungs = {"blur": [("1 px", clean / 2), ("2 px", clean / 4)], "noise": [("0.1", clean)]}
    figures.ladder_figure(clean, rungs)
    blur, noise = drawn[0].axes
    assert [text.get_text() for text in blur.texts] == ["clean", "1 px", "2 px"]
    sheet = np.asarray(blur.images[0].get_array())
    np.testing.assert_allclose(sheet[:, :24], clean[0, 0] * 255, atol=1e-4)
    np.testing.assert_allclose(sheet[:, 28:52], clean[0, 0] * 127.5, atol=1e-4)
    assert blur.images[0].get_clim() == noise.images[0].get_clim() == (0, 255)
    assert sheet.shape == np.asarray(noise.images[0].get_array()).shape
