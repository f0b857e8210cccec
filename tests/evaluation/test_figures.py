from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image

from mrigen.evaluation.figures import (
    curve_figure,
    restoration_figure,
    rows_figure,
    sample_figure,
)


def images(count=5, seed=0):
    return torch.rand(count, 1, 16, 16, generator=torch.Generator().manual_seed(seed))


def opened(png):
    picture = Image.open(BytesIO(png))
    picture.load()
    return picture


def patch(count=5):
    marked = torch.zeros(count, 1, 16, 16, dtype=torch.bool)
    marked[1:, :, 3:8, 4:9] = True
    return marked


def drawings():
    clean = images()
    history = {"epoch": [1.0, 2.0], "train/loss": [3.0, 2.0], "validation/loss": [4.0, 3.0]}
    yield lambda: sample_figure(clean, images(seed=1))
    yield lambda: restoration_figure(
        images(seed=1), target=clean, restored=images(seed=2), patch=patch()
    )
    yield lambda: restoration_figure(clean, target=clean, restored=clean, patch=patch())
    yield lambda: rows_figure([clean, clean], ["above", "below"], ["first", "second"])
    yield lambda: curve_figure(history)


@pytest.mark.parametrize("draw", list(drawings()))
def test_the_same_numbers_give_the_same_bytes_without_software_or_date(draw):
    png = draw()
    assert png == draw()
    picture = opened(png)
    assert not {"Software", "Creation Time", "date"} & set(picture.info)
    assert np.asarray(picture.convert("L")).std() > 10


def test_rows_are_drawn_in_the_same_window():
    line = torch.stack([torch.zeros(1, 8, 8), torch.full((1, 8, 8), 0.5)])
    picture = np.asarray(opened(rows_figure([line], ["a"], ["first", "second"])).convert("RGB"))
    assert (picture == 128).all(-1).sum() > 1000


def test_a_restoration_has_a_row_more_than_a_reproduction():
    clean = images()
    restoration = restoration_figure(images(seed=1), target=clean, restored=clean, patch=patch())
    reproduction = restoration_figure(clean, target=clean, restored=clean, patch=patch())
    assert opened(restoration).height > opened(reproduction).height * 1.2


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_any_number_of_images_fits(count):
    assert opened(sample_figure(images(count), images(count))).width > 100
    empty = patch(count) & False
    assert opened(
        restoration_figure(images(count), target=images(count), restored=images(count), patch=empty)
    )


def test_curves_survive_single_epochs_strange_values_and_nothing_to_draw():
    assert opened(curve_figure({"epoch": [1.0], "train/loss": [0.5]}))
    values = [float("nan"), 1.0, float("inf"), 1e6]
    history = {"epoch": [1.0, 2.0, 3.0, 4.0], "train/loss": values, "images_per_second": values}
    assert opened(curve_figure(history))
    assert opened(curve_figure({"epoch": [1.0]}))
