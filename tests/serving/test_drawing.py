import dataclasses

import pytest

from mrigen.errors import ConfigError, ModelError
from mrigen.serving.drawing import plan_drawing
from mrigen.serving.schemas import LAST_SEED, SampleRequest
from small_conditional import SmallConditional
from small_served import served


def test_work_has_the_seeds_and_the_conditions():
    model = served("ages", SmallConditional().eval())
    asked = SampleRequest(count=3, conditions={"sex": "male"})
    work = plan_drawing(model, asked, seed=7, max_count=10)
    assert (work.network, work.seeds) == (model.network, range(7, 10))
    assert work.conditions == {"sex": 1.0}


def test_a_quick_mode_is_asked_of_a_model_that_has_one():
    model, asked = served("ages", SmallConditional().eval()), SampleRequest(quick=True)
    assert plan_drawing(model, asked, seed=7, max_count=10).quick
    with pytest.raises(ModelError, match="'vae' has no quick mode: ask without 'quick'"):
        plan_drawing(served(), asked, seed=7, max_count=10)


def test_the_last_seed_may_be_drawn_and_no_other_after_it():
    asked = SampleRequest(count=2)
    seeds = plan_drawing(served(), asked, seed=LAST_SEED - 1, max_count=10).seeds
    assert seeds[-1] == LAST_SEED
    with pytest.raises(ConfigError, match="below 2"):
        plan_drawing(served(), asked, seed=LAST_SEED, max_count=10)


def test_a_file_in_pieces_holds_as_many_as_the_server_gives():
    asked = SampleRequest(count=300, format="zip")
    assert len(plan_drawing(served(), asked, seed=0, max_count=300)) == 300
    with pytest.raises(ConfigError) as refused:
        plan_drawing(served(), asked, seed=0, max_count=299)
    assert str(refused.value) == "'count' is 300: expected 1 to 299. Send several requests."


def test_large_images_are_fewer_on_a_sheet():
    large = dataclasses.replace(served(), image_size=2048)
    assert len(plan_drawing(large, SampleRequest(count=4), seed=0, max_count=99)) == 4
    with pytest.raises(ConfigError) as refused:
        plan_drawing(large, SampleRequest(count=5), seed=0, max_count=99)
    assert str(refused.value) == (
        "'count' is 5: expected 1 to 4 for a picture of 2048 x 2048 pixel images. The other "
        "formats hold up to 99."
    )


def test_a_model_that_restores_draws_nothing():
    with pytest.raises(ModelError, match="'unet' restores images and cannot make new ones"):
        plan_drawing(served("unet"), SampleRequest(), seed=0, max_count=9)
