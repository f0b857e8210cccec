import numpy as np

from mrigen.data.scans import Scan
from mrigen.data.slicing.dataset import DatasetConfig
from mrigen.data.slicing.picture_slices import cut_picture
from mrigen.data.uploads.fitting import fit
from upload_files import noise


def test_pictures_of_the_size_are_not_touched():
    pictures = noise(2, 16, 16)
    assert fit(pictures, 16) is pictures


def test_the_longer_side_fills_the_picture_and_the_shorter_is_padded():
    fitted = fit(np.ones((1, 12, 24), np.float32), 16)
    assert fitted.shape == (1, 16, 16)
    filled = fitted[0] > 0
    assert filled.all(axis=1).tolist() == [False] * 4 + [True] * 8 + [False] * 4
    np.testing.assert_allclose(fitted[0, 4:12], 1)


def test_pictures_are_resampled_as_slices_of_a_dataset_are():
    picture = noise(1, 40, 30)
    config = DatasetConfig.model_validate(
        {"source": "a", "size": 16, "bits": 16, "intensity": {"scope": "stored"}}
        | {"selection": {"by": "all"}}
    )
    scan = Scan("a.png", "a", "a/a", "T1w", plane="axial", index=0)
    cut = cut_picture(picture[0], scan, config)
    np.testing.assert_allclose(fit(picture, 16), cut.pixels / 65535, atol=1e-5)
