import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

import small_cohorts
from mrigen.data.pictures import MAX_PIXELS, check_picture, read_picture
from mrigen.errors import DataError

RAMP = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5
LIMIT = 10**9


def saved(path, image, **options):
    image.save(path, **options)
    return path


def test_grey_of_8_and_16_bits_is_read_exactly(tmp_path):
    path = small_cohorts.write_picture(tmp_path / "a.png", RAMP)
    picture = read_picture(path, LIMIT)
    assert (picture.pixels.dtype, picture.pixels.shape, picture.bits) == (np.float32, (6, 8), 8)
    np.testing.assert_array_equal(np.rint(picture.pixels * 255), RAMP)
    deep = RAMP.astype(np.uint16) * 257 + 3
    picture = read_picture(small_cohorts.write_picture(tmp_path / "b.png", deep), LIMIT)
    assert picture.bits == 16
    np.testing.assert_array_equal(np.rint(picture.pixels * 65535), deep)
    assert check_picture(path, LIMIT) == (6, 8)


def test_colours_become_luminance_and_transparency_is_ignored(tmp_path):
    rgb = np.stack([RAMP, RAMP, RAMP], -1)
    clear = np.concatenate([rgb, np.zeros_like(RAMP)[..., None]], -1)
    images = {
        "grey.png": Image.fromarray(rgb),
        "clear.png": Image.fromarray(clear),
        "la.png": Image.fromarray(RAMP).convert("LA"),
        "palette.png": Image.fromarray(rgb).quantize(256),
    }
    for name, image in images.items():
        picture = read_picture(saved(tmp_path / name, image), LIMIT)
        np.testing.assert_allclose(picture.pixels * 255, RAMP, atol=0.01, err_msg=name)
    red = Image.new("RGB", (4, 4), (255, 0, 0))
    pixels = read_picture(saved(tmp_path / "red.png", red), LIMIT).pixels
    np.testing.assert_allclose(pixels, 0.299, atol=0.003)


def test_jpegs_are_read(tmp_path):
    image = Image.fromarray(np.full((16, 16), 100, np.uint8))
    for name, kind in (("grey.jpg", "L"), ("colour.jpeg", "RGB")):
        picture = read_picture(saved(tmp_path / name, image.convert(kind)), LIMIT)
        np.testing.assert_allclose(picture.pixels, 100 / 255, atol=0.01)
        assert picture.bits == 8


def test_a_bomb_is_refused_before_a_pixel_is_decoded(tmp_path, monkeypatch):
    def load(*_):
        pytest.fail("decoded")

    monkeypatch.setattr(Image.Image, "load", load)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", load)
    path = tmp_path / "bomb.png"
    for side in (5_000, 11_000, 60_000):
        path.write_bytes(small_cohorts.png(side, side))
        with pytest.raises(DataError, match=rf"'bomb\.png' declares .*at most {MAX_PIXELS}"):
            read_picture(path, LIMIT)
    path.write_bytes(small_cohorts.png(100, 100))
    with pytest.raises(DataError, match="declares 100 x 100 pixels: expected at most 9999 in all"):
        read_picture(path, 9999)


def test_damage_beside_the_pixels_does_not_matter(tmp_path):
    # An animation that says it has no frames: Pillow reads the still picture, and warns.
    (tmp_path / "a.png").write_bytes(small_cohorts.png(9, 9, (b"acTL", bytes(8))))
    assert read_picture(tmp_path / "a.png", LIMIT).pixels.shape == (9, 9)


def test_a_bomb_of_text_is_refused(tmp_path):
    text = b"Comment\0\0" + zlib.compress(bytes(100_000_000), 9)
    (tmp_path / "bomb.png").write_bytes(small_cohorts.png(9, 9, (b"zTXt", text)))
    with pytest.raises(DataError, match=r"'bomb\.png' cannot be read \(Decompressed data too"):
        read_picture(tmp_path / "bomb.png", LIMIT)


def test_what_is_not_one_grey_or_rgb_picture_is_refused(tmp_path):
    frame = Image.fromarray(RAMP)
    path = saved(tmp_path / "many.png", frame, save_all=True, append_images=[frame.rotate(180)])
    with pytest.raises(DataError, match="holds 2 pictures: expected one"):
        check_picture(path, LIMIT)
    with pytest.raises(DataError, match="colours of the kind CMYK: expected grey or RGB"):
        check_picture(saved(tmp_path / "print.jpg", frame.convert("CMYK")), LIMIT)
    with pytest.raises(DataError, match="is not a PNG or JPEG file, whatever its name says"):
        check_picture(saved(tmp_path / "gif.png", frame, format="GIF"), LIMIT)
    with pytest.raises(DataError, match=r"cannot be read \(No such file"):
        check_picture(tmp_path / "gone.png", LIMIT)


@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_a_damaged_picture_is_one_sentence_wherever_it_is_cut(tmp_path, ending):
    noise = np.random.default_rng(0).integers(0, 256, (32, 32), np.uint8)
    path = small_cohorts.write_picture(tmp_path / f"a.{ending}", noise)
    whole, read = path.read_bytes(), 0
    for end in range(0, len(whole) - 20, 37):
        path.write_bytes(whole[:end])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(DataError, match=f"picture 'a.{ending}'"):
                read_picture(path, LIMIT)
        read += 1
    assert read > 10
    path.write_bytes(whole[:60] + bytes(100) + whole[160:])
    if ending == "png":
        with pytest.raises(DataError, match="cannot be read"):
            read_picture(path, LIMIT)
