"""Outlines of brain masks over a slice of each subject."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mrigen.data.slicing.geometry import SLICE_AXIS, frames
from mrigen.data.slicing.resampling import Number
from mrigen.data.slicing.whole_volume import WholeVolume
from mrigen.evaluation.brain_masks.masks import BrainMasks
from mrigen.evaluation.brain_masks.volumes import RestoredVolume
from mrigen.evaluation.figures import BLUE, DPI, ORANGE, figure_png, show_image

STATES = ("clean", "damaged", "restored")
_COLOURS = {"mask of the clean volume": BLUE, "mask of this volume": ORANGE}
_SIDE = 2.4  # inches


class Panel(NamedTuple):
    """The middle slice of one subject's brain in its three states.

    Attributes
    ----------
    subject
    pictures, masks : (H, W) each
        By state, in display order.
    aspect
        Height of a pixel over its width.
    """

    subject: str
    pictures: dict[str, npt.NDArray[np.float32]]
    masks: dict[str, npt.NDArray[np.bool_]]
    aspect: float


def middle_panel(volume: RestoredVolume, masks: BrainMasks) -> Panel:
    """Take the slice in the middle of the clean mask, along the plane of the dataset."""
    whole = volume.whole
    axis = SLICE_AXIS[whole.plane]
    others = tuple(each for each in range(3) if each != axis)
    inside = np.flatnonzero(masks.clean.any(axis=others))
    middle = int(inside[len(inside) // 2])
    across, along = (whole.volume.spacing_mm[each] for each in others)
    return Panel(
        volume.scan.subject,
        {name: _turned(getattr(volume, name), whole, middle) for name in STATES},
        {name: _turned(getattr(masks, name), whole, middle) for name in STATES},
        along / across,
    )


def outline_figure(panels: Sequence[Panel]) -> bytes:
    """Draw subjects row by row: clean, damaged and restored, each with its own and the clean mask.

    Parameters
    ----------
    panels
        At least one.
    """
    size = (len(STATES) * _SIDE, len(panels) * _SIDE + 0.4)
    figure = Figure(figsize=size, dpi=DPI, layout="constrained")
    grid = figure.subplots(len(panels), len(STATES), squeeze=False)
    for line, panel in zip(grid, panels, strict=True):
        for axes, name in zip(line, STATES, strict=True):
            show_image(axes, panel.pictures[name] * 255)
            axes.set_aspect(panel.aspect)
            _outline(axes, panel.masks["clean"], BLUE, width=2.2)
            if name != "clean":
                _outline(axes, panel.masks[name], ORANGE, width=1.0)
        line[0].set_ylabel(panel.subject, fontsize=8)
    for axes, name in zip(grid[0], STATES, strict=True):
        axes.set_title(name, fontsize=10)
    handles = [Line2D([], [], color=colour, label=name) for name, colour in _COLOURS.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), fontsize=8)
    return figure_png(figure)


def _turned(array: npt.NDArray[Number], whole: WholeVolume, index: int) -> npt.NDArray[Number]:
    slices = np.moveaxis(array, SLICE_AXIS[whole.plane], 0)[[index]]
    picture: npt.NDArray[Number] = frames(slices, whole.plane, whole.display)[0]
    return picture


def _outline(axes: Axes, mask: npt.NDArray[np.bool_], colour: str, *, width: float) -> None:
    if mask.any() and not mask.all():
        axes.contour(mask, levels=[0.5], colors=[colour], linewidths=width)
