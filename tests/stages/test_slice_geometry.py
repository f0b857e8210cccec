import pytest

from mrigen.data.slicing.stack_geometry import StackGeometry
from mrigen.data.store.slice_store import SliceStore
from mrigen.errors import ModelError
from mrigen.project import Project
from mrigen.stages.slice_geometry import read_slice_geometry, slice_geometry
from mrigen.stages.training_job import TrainingJob
from mrigen.training.runtime import choose_runtime
from tiny_project import params, write_slices


@pytest.fixture
def entry(tmp_path):
    project = Project(tmp_path, params())
    write_slices(project)
    store = SliceStore(project.processed("heads"))
    config = project.model_config("gan")
    return slice_geometry(TrainingJob(project, "gan", config, store, choose_runtime(device="cpu")))


def test_a_card_says_where_the_training_slices_lie(entry):
    found = read_slice_geometry({"slices": entry}, model="gan")
    assert found == StackGeometry(
        plane="axial",
        display="radiological",
        centre="field_of_view",
        pixel_height_mm=4.0,
        pixel_width_mm=4.0,
        spacing_mm=1.0,
        position_mm=(0.0, 5.0),
    )


@pytest.mark.parametrize("card", [{}, {"slices": None}], ids=str)
def test_a_card_of_pictures_or_of_before_says_nothing(card):
    with pytest.raises(ModelError, match="does not say where its slices lie"):
        read_slice_geometry(card, model="gan")


@pytest.mark.parametrize("change", [{"plane": "up"}, {"spacing_mm": -1}, {"more": 1}], ids=str)
def test_a_damaged_card_is_told(entry, change):
    with pytest.raises(ModelError, match="'slices' in the card of model 'gan' is damaged"):
        read_slice_geometry({"slices": entry | change}, model="gan")
