import pytest

from mrigen.evaluation.config import AnomalyConfig


@pytest.mark.parametrize("radius", [[0.1, 0.04], [0, 0.1], [0.1, 0.6]])
def test_a_radius_is_a_range_within_the_picture(radius):
    with pytest.raises(ValueError, match="least, most"):
        AnomalyConfig.model_validate({"radius": radius})


@pytest.mark.parametrize("settings", [{"labels": [0]}, {"contrast": 0}, {"contrasts": [1.2]}])
def test_background_is_no_lesion_and_contrasts_are_shares_of_the_range(settings):
    with pytest.raises(ValueError, match=r"greater than|less than"):
        AnomalyConfig.model_validate(settings)
