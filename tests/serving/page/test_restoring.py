import io
import re

import nibabel
import numpy as np
from PIL import Image
from selenium.webdriver.common.keys import Keys as Press
from selenium.webdriver.support.ui import Select

from gallery import asked, choice, opened, pixels, slice_of
from mrigen.images import encode_png
from small_bundles import SIZE


def test_a_file_is_restored_and_searched(browser, page, site, tmp_path):
    content = encode_png(slice_of(SIZE))
    (tmp_path / "slice.png").write_bytes(content)
    opened(browser, site, "#view=restore&model=unet&version=3")
    page.find("#file").send_keys(str(tmp_path / "slice.png"))
    page.until_words("#restore-work", "Restored slice.png.")
    media = "application/octet-stream"
    restored = asked(site, "/v1/models/unet/restore?format=png", content, media)
    found = asked(site, "/v1/models/unet/anomaly?format=png", content, media)
    assert np.array_equal(pixels(page, "#picture-input canvas")[0], slice_of(SIZE))
    picture = np.array(Image.open(io.BytesIO(restored)))
    assert np.array_equal(pixels(page, "#picture-restored canvas")[0], picture)
    colours = np.array(Image.open(io.BytesIO(found)).convert("RGB"))
    assert np.array_equal(pixels(page, "#picture-anomaly canvas")[0], colours[..., 0])
    for task, answer in {"restore": restored, "anomaly": found}.items():
        page.find(f"#restore-downloads [value='{task}/png']").click()
        assert page.downloaded()[1] == answer


def test_a_large_stack_is_dropped_and_looked_through(browser, page, site):
    opened(browser, site, "#view=restore&model=vae&version=3")
    buffer = io.BytesIO()
    np.savez(buffer, images=np.stack([slice_of(48)] * 3).astype(np.float32) / 255)
    script = """const files = new DataTransfer();
      files.items.add(new File([new Uint8Array(arguments[0])], "stack.npz"));
      dispatchEvent(new DragEvent("drop", { dataTransfer: files, cancelable: true }));"""
    page.run(script, list(buffer.getvalue()))
    page.until_words("#restore-work", "Restored stack.npz.")
    words = page.words("#restore-words")
    assert re.search(r"48 . 48 pixels and was brought to 32 . 32\.", words)
    assert page.find("#picture-input").get_attribute("data-side") == ""  # nobody knows it
    assert page.words("#slice-number") == "2 of 3"
    page.find("#slice").send_keys(Press.END)
    assert page.words("#slice-number") == "3 of 3"
    assert not page.find("#restore-downloads [value='restore/nifti']").is_enabled()


def test_a_volume_is_cut_as_asked(browser, page, site, tmp_path):
    values = np.random.default_rng(0).random((20, 24, 6), dtype=np.float32)
    nibabel.Nifti1Image(values, np.eye(4)).to_filename(tmp_path / "head.nii.gz")
    content = (tmp_path / "head.nii.gz").read_bytes()
    opened(browser, site, "#view=restore&model=unet&version=3")
    page.find("#file").send_keys(str(tmp_path / "head.nii.gz"))
    page.until(lambda: page.words("#slice-number") == "3 of 6")
    assert page.find("#picture-input").get_attribute("data-side") == "R"
    assert page.words("#restore-words").startswith("R is the patient's right. ")
    Select(page.find("#plane")).select_by_visible_text("coronal")
    page.until(lambda: page.words("#slice-number") == "12 of 24")
    assert choice(page) == "#view=restore&model=unet&version=3&plane=coronal"
    page.find("#restore-downloads [value='restore/nifti']").click()
    path = "/v1/models/unet/restore?version=3&plane=coronal&format=nifti"
    assert page.downloaded()[1] == asked(site, path, content, "application/octet-stream")
    Select(page.find("#plane")).select_by_visible_text("sagittal")
    page.until(lambda: page.words("#slice-number") == "10 of 20")
    assert page.find("#picture-restored").get_attribute("data-side") == "A"


def test_what_is_no_image_is_refused_in_the_words_of_the_server(browser, page, site, tmp_path):
    (tmp_path / "notes.png").write_bytes(b"no picture at all")
    opened(browser, site, "#view=restore&model=unet&version=3")
    page.find("#file").send_keys(str(tmp_path / "notes.png"))
    page.until(lambda: page.words("#restore-work .problem"))
    assert page.words("#restore-work .problem").endswith(".")
    assert not page.find("#restored").is_displayed()
