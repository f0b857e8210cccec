import io
import re
import zipfile
from concurrent.futures import ThreadPoolExecutor

import nibabel as nib
import numpy as np
import pytest
import torch
from PIL import Image

from asked_server import arrays, ask, client_of
from mrigen.images import contact_sheet, to_uint8
from mrigen.models.sampling import draw_samples
from mrigen.serving.schemas import LAST_SEED
from small_bundles import NETWORKS, SIZE, network
from small_conditional import SmallConditional
from small_served import served

FORMATS = ("png", "zip", "npz", "nifti")


@pytest.fixture(scope="module")
def client():
    ages = served("ages", SmallConditional().eval())
    older = served("vae", network(seed=5), version=2, aliases=())
    with client_of(*map(served, NETWORKS), older, ages) as client:
        yield client


def pictures(answer):
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        return [np.array(Image.open(archive.open(name))) for name in archive.namelist()]


def stack(answer):
    return nib.Nifti1Image.from_bytes(answer.content)


@pytest.mark.parametrize("model", ["vae", "gan"])
def test_an_archive_has_the_samples_of_the_seeds(client, model):
    answer = ask(client, model, count=18, seed=40, format="npz")
    assert answer.status_code == 200
    loaded = arrays(answer)
    expected = draw_samples(network(model), range(40, 58))[:, 0].numpy()
    assert np.array_equal(loaded["images"], expected)
    assert loaded["seeds"].tolist() == list(range(40, 58))


def test_all_formats_hold_the_same_pixels(client):
    answers = {kind: ask(client, count=19, seed=4, format=kind) for kind in FORMATS}
    images = arrays(answers["npz"])["images"]
    assert np.array_equal(stack(answers["nifti"]).get_fdata(dtype=np.float32).T, images)
    eight_bits = to_uint8(torch.from_numpy(images))
    assert np.array_equal(pictures(answers["zip"]), eight_bits)
    sheet = np.array(Image.open(io.BytesIO(answers["png"].content)))
    assert np.array_equal(sheet, contact_sheet(torch.from_numpy(images)[:, None]))


def test_quick_samples_are_told_apart_wherever_they_go(client):
    asked = {"count": 3, "seed": 7, "quick": True, "conditions": {"age": 70}}
    answers = {kind: ask(client, "ages", format=kind, **asked) for kind in FORMATS}
    usual = ask(client, "ages", **(asked | {"quick": False, "format": "npz"}))
    for kind, ending in zip(FORMATS, ("png", "zip", "npz", "nii"), strict=True):
        headers = answers[kind].headers
        assert headers["Mrigen-Quick"] == "true"
        assert f'"ages-3-quick-7.{ending}"' in headers["Content-Disposition"]
    assert "Mrigen-Quick" not in usual.headers
    images = draw_samples(SmallConditional(), range(7, 10), {"age": 70.0}, quick=True)
    loaded = arrays(answers["npz"])
    assert np.array_equal(loaded["images"], images[:, 0].numpy())
    assert loaded["quick"].tolist() == [True] * 3
    assert "quick" not in arrays(usual)
    with zipfile.ZipFile(io.BytesIO(answers["zip"].content)) as archive:
        assert archive.namelist() == [f"ages-3-quick-{seed}.png" for seed in (7, 8, 9)]
    assert b"slices, quick: ages/3 seed 7" in stack(answers["nifti"]).header["descrip"].item()


@pytest.mark.parametrize(
    ("model", "quick", "words"),
    [("vae", True, "'vae' has no quick mode"), ("ages", "yes", "'quick' is 'yes': expected")],
)
def test_a_quick_mode_that_cannot_be_is_refused(client, model, quick, words):
    answer = ask(client, model, quick=quick)
    assert answer.status_code == 422
    assert words in answer.json()["detail"]


def test_pictures_in_a_zip_are_named_by_model_version_and_seed(client):
    answer = ask(client, count=2, seed=7, format="zip")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.namelist() == ["vae-3-7.png", "vae-3-8.png"]


@pytest.mark.parametrize(
    ("kind", "media_type", "ending"),
    [
        ("png", "image/png", "png"),
        ("zip", "application/zip", "zip"),
        ("npz", "application/x-npz", "npz"),
        ("nifti", "application/x-nifti", "nii"),
    ],
)
def test_the_answer_names_its_origin(client, kind, media_type, ending):
    headers = ask(client, count=2, seed=11, format=kind).headers
    assert headers["content-type"] == media_type
    assert headers["mrigen-model"] == "vae"
    assert headers["mrigen-version"] == "3"
    assert headers["mrigen-digest"] == f"{3:064x}"
    assert headers["mrigen-device"] == "cpu"
    assert headers["mrigen-seed"] == "11"
    assert headers["mrigen-synthetic"] == "true"
    assert headers["content-disposition"] == f'inline; filename="vae-3-11.{ending}"'


@pytest.mark.parametrize("kind", ["png", "npz", "nifti"])
@pytest.mark.parametrize("count", [1, 40])
def test_the_length_is_told_where_it_is_known(client, kind, count):
    answer = ask(client, count=count, seed=1, format=kind)
    assert int(answer.headers["content-length"]) == len(answer.content)


def test_a_name_that_no_header_can_carry_is_escaped():
    with client_of(served('zoë "1"\r\n', network())) as client:
        answer = client.post("/v1/models/zo%C3%AB%20%221%22%0D%0A/samples", json={"seed": 1})
    assert answer.status_code == 200
    assert answer.headers["mrigen-model"] == "zo%C3%AB %221%22%0D%0A"
    assert "zo%C3%AB%20%221%22%0D%0A-3-1.png" in answer.headers["content-disposition"]


def test_without_a_seed_the_server_picks_one_and_names_it(client):
    first, second = ask(client, count=2), ask(client, count=2)
    assert first.content != second.content
    again = ask(client, count=2, seed=int(first.headers["mrigen-seed"]))
    assert again.content == first.content


def test_a_version_can_be_asked_for(client):
    newest, older = ask(client, seed=1), ask(client, seed=1, version=2)
    assert (newest.headers["mrigen-version"], older.headers["mrigen-version"]) == ("3", "2")
    assert newest.content != older.content
    assert ask(client, seed=1, version=3).content == newest.content


def test_a_version_that_is_not_served_is_told_with_those_that_are(client):
    answer = ask(client, version=9)
    assert answer.status_code == 404
    assert answer.json()["detail"] == (
        "version 9 of model 'vae' is not served here: there is 3, 2."
    )


def test_conditions_shape_the_images_and_stand_in_the_archive(client):
    asked = {"age": 80, "sex": "male"}
    loaded = arrays(ask(client, "ages", count=3, seed=1, format="npz", conditions=asked))
    expected = draw_samples(SmallConditional().eval(), range(1, 4), {"age": 80.0, "sex": 1.0})
    assert np.array_equal(loaded["images"], expected[:, 0].numpy())
    assert loaded["condition_age"].tolist() == [80, 80, 80]
    assert loaded["condition_sex"].tolist() == [1, 1, 1]
    assert "condition_position_mm" not in loaded


@pytest.mark.parametrize("one", [{"age": 20}, {"position_mm": 60}, {"sex": "female"}])
def test_every_condition_changes_the_picture(client, one):
    plain = ask(client, "ages", seed=1)
    assert ask(client, "ages", seed=1, conditions=one).content != plain.content


def test_a_seed_gives_the_same_bytes_whatever_is_asked_beside_it(client):
    bodies = [
        {"model": model, "count": count, "seed": seed, "format": kind}
        for model in ("vae", "ages")
        for count in (1, 3, 17)
        for seed in (0, 5)
        for kind in FORMATS
    ]
    bodies += [{"model": "ages", "seed": 0, "conditions": {"age": age}} for age in (20, 50)]
    alone = [ask(client, **body).content for body in bodies]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda body: ask(client, **body).content, bodies * 2))
    assert together == alone * 2


def test_a_sample_does_not_depend_on_its_place(client):
    many = arrays(ask(client, count=20, seed=100, format="npz"))["images"]
    one = arrays(ask(client, count=1, seed=119, format="npz"))["images"]
    assert np.array_equal(many[19], one[0])


def test_the_largest_seeds_work(client):
    loaded = arrays(ask(client, count=2, seed=LAST_SEED - 1, format="npz"))
    assert loaded["seeds"].tolist() == [LAST_SEED - 1, LAST_SEED]


def test_a_picture_is_as_square_as_it_can_be(client):
    answer = ask(client, count=4, seed=1)
    assert Image.open(io.BytesIO(answer.content)).size == (2 * SIZE + 2, 2 * SIZE + 2)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"count": 0}, "'count' is 0"),
        ({"count": 257}, "'count' is 257: expected 1 to 256 for a picture of 32 x 32 pixel"),
        ({"count": 10_001, "format": "npz"}, "'count' is 10001: expected 1 to 10000"),
        ({"count": 10**30}, "'count' is 1000"),
        ({"count": "4"}, "'count' is '4'"),
        ({"count": 4.5}, "'count' is 4.5"),
        ({"count": True}, "'count' is 'true'"),
        ({"count": None}, "'count' is None"),
        ({"seed": -1}, "'seed' is -1"),
        ({"seed": 2**63}, "'seed' is"),
        ({"seed": LAST_SEED, "count": 2}, r"below 2\*\*63"),
        ({"version": 0}, "'version' is 0"),
        ({"version": "3"}, "'version' is '3'"),
        ({"format": "exe"}, "'format' is 'exe': expected 'png', 'zip', 'npz' or 'nifti'"),
        ({"conditions": {"age": 30}}, "condition 'age' is not known: this model takes none"),
        ({"conditions": [1]}, r"'conditions' is \[1\]"),
        ({"conditions": None}, "'conditions' is None"),
        ({"cuont": 4}, "'cuont' is not a known field"),
        ({"count": 4, "extra": {"a": [1]}}, "'extra' is not a known field"),
        ([], "not a JSON object"),
        (None, "not a JSON object"),
        ("text", "not a JSON object"),
    ],
)
def test_what_cannot_be_answered_is_refused_in_a_sentence(client, body, sentence):
    answer = client.post("/v1/models/vae/samples", json=body)
    assert answer.status_code == 422
    assert list(answer.json()) == ["detail"]
    assert answer.json()["detail"].endswith(".")
    assert re.search(sentence, answer.json()["detail"])


@pytest.mark.parametrize("value", [True, None, [30], {"a": 1}, 10**400])
def test_a_condition_is_a_number_or_a_choice(client, value):
    answer = ask(client, "ages", conditions={"age": value})
    assert answer.status_code == 422
    assert "'conditions.age' is " in answer.json()["detail"]
    assert "expected a number or the name of a choice" in answer.json()["detail"]


def test_a_condition_out_of_range_is_refused_with_the_range(client):
    answer = ask(client, "ages", conditions={"age": 91})
    assert answer.status_code == 422
    assert answer.json()["detail"] == (
        "condition 'age' is 91.0: expected a number from 20 to 90 years."
    )


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe", b'{"count": NaN}', b'{"count": 1e999}', b'"\\ud800"']
)
def test_a_damaged_body_is_refused(client, content):
    headers = {"Content-Type": "application/json"}
    answer = client.post("/v1/models/vae/samples", content=content, headers=headers)
    assert answer.status_code in {400, 422}
    assert isinstance(answer.json()["detail"], str)


def test_a_refused_value_is_repeated_shortly(client):
    answer = ask(client, **{"x" * 10_000: 1, "format": "\u202e<script>" * 1000})
    assert answer.status_code == 422
    assert len(answer.content) < 500
    assert answer.content.isascii()


def test_a_body_of_another_type_is_refused(client):
    answer = client.post("/v1/models/vae/samples", data={"count": "1"})
    assert answer.status_code == 422
    assert "Content-Type: application/json" in answer.json()["detail"]


def test_a_body_in_pieces_is_read_whole(client):
    pieces = iter([b'{"cou', b'nt": 1,', b' "seed": 4}'])
    headers = {"Content-Type": "application/json"}
    answer = client.post("/v1/models/vae/samples", content=pieces, headers=headers)
    assert answer.content == ask(client, count=1, seed=4).content


def test_an_unknown_model_is_told_with_the_known_ones(client):
    answer = ask(client, "vea")
    assert answer.status_code == 404
    assert answer.json()["detail"].startswith("model 'vea' is not served here: there is 'ages', ")


def test_a_model_that_restores_cannot_sample(client):
    answer = ask(client, "unet")
    assert answer.status_code == 422
    assert "restores images" in answer.json()["detail"]
