import gzip
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from fastapi.testclient import TestClient
from PIL import Image

from mrigen.data.uploads.volumes import read_volume
from mrigen.evaluation.anomaly.maps import (
    reconstruction_probability_map,
    residual_map,
)
from mrigen.images import contact_sheet
from mrigen.models.sampling import reconstruct_chunk
from mrigen.models.surprise import least_surprise
from mrigen.serving.app import create_app
from mrigen.serving.settings import ServingSettings
from mrigen.serving.shelf import Shelf
from mrigen.serving.uploads.room import UploadRoom
from small_bundles import NETWORKS, SIZE, network
from small_served import served
from upload_files import as_bytes, head, nifti, noise, npz, opened, png, unzipped

SETTINGS = ServingSettings(lanes=2, max_upload_bytes=2**20, max_upload_pixels=2**18)
PICTURE = as_bytes(noise(SIZE, SIZE))
STACK = noise(20, SIZE, SIZE)


def make_app():
    return create_app(Shelf([served(model) for model in NETWORKS]), SETTINGS)


@pytest.fixture(scope="module")
def client():
    with TestClient(make_app()) as client:
        yield client


def send(client, content, task="restore", model="unet", kind=None, **query):
    headers = {"Content-Type": kind} if kind else {}
    path = f"/v1/models/{model}/{task}"
    return client.post(path, content=content, params=query, headers=headers)


def restored(images, model="unet"):
    """Return the answers that the network gives where nobody else asks, (N, H, W)."""
    parts = torch.split(torch.from_numpy(images)[:, None], 16)
    return torch.cat([reconstruct_chunk(network(model), part) for part in parts])[:, 0].numpy()


def pixels(answer):
    with Image.open(answer) as image:
        return np.asarray(image)


def picture_of(answer, tmp_path):
    path = tmp_path / "answer.png"
    path.write_bytes(answer.content)
    return pixels(path)


@pytest.mark.parametrize("model", ["unet", "vae"])
def test_a_picture_is_answered_with_a_picture(client, tmp_path, model):
    answer = send(client, png(PICTURE), model=model, kind="image/png")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    expected = restored(PICTURE[None] / np.float32(255), model)
    np.testing.assert_array_equal(picture_of(answer, tmp_path), as_bytes(expected[0]))
    told = {name: answer.headers[f"mrigen-{name}"] for name in ("model", "version", "count")}
    assert told == {"model": model, "version": "3", "count": "1"}
    assert "mrigen-resized" not in answer.headers


def test_an_archive_is_answered_with_the_values(client):
    answer = send(client, npz(STACK), kind="application/x-npz")
    assert answer.headers["content-type"] == "application/x-npz"
    arrays = unzipped(answer.content)
    assert list(arrays) == ["images"]
    np.testing.assert_array_equal(arrays["images"], restored(STACK))


def test_samples_can_be_sent_back(client):
    asked = {"count": 3, "seed": 1, "format": "npz"}
    samples = client.post("/v1/models/vae/samples", json=asked).content
    arrays = unzipped(send(client, samples, model="vae").content)
    np.testing.assert_array_equal(arrays["images"], restored(unzipped(samples)["images"], "vae"))


def test_a_volume_is_answered_on_its_own_grid(client):
    content = nifti(packed=True)
    answer = send(client, content, kind="application/gzip")
    assert answer.headers["content-type"] == "application/gzip"
    assert answer.headers["content-disposition"] == 'inline; filename="unet-3-restored.nii.gz"'
    upload = read_volume(content, 2**20, size=SIZE)
    expected = upload.encode(
        restored(upload.pictures)[:, None], words="restored by mrigen", intensities=True
    )
    assert answer.content == expected
    np.testing.assert_array_equal(opened(answer.content).affine, opened(content).affine)
    told = [answer.headers[f"mrigen-{name}"] for name in ("count", "resized", "plane", "levels")]
    assert told == ["13", "14x12", "axial", f"{upload.whole.black:g} {upload.whole.white:g}"]


def test_what_the_model_is_given_can_be_looked_at(client, tmp_path):
    answer = send(client, nifti(), show="input", format="png")
    upload = read_volume(nifti(), 2**20, size=SIZE)
    expected = contact_sheet(torch.from_numpy(upload.pictures)[:, None])
    np.testing.assert_array_equal(picture_of(answer, tmp_path), expected)
    np.testing.assert_array_equal(
        unzipped(send(client, npz(STACK), show="input").content)["images"], STACK
    )


def test_pictures_of_another_size_are_brought_to_the_models(client, tmp_path):
    answer = send(client, png(as_bytes(noise(48, 40))))
    assert answer.headers["mrigen-resized"] == "48x40"
    assert picture_of(answer, tmp_path).shape == (SIZE, SIZE)


def test_a_residual_is_the_distance_to_the_answer(client):
    arrays = unzipped(send(client, npz(STACK), "anomaly").content)
    assert list(arrays) == ["map", "restored"]
    np.testing.assert_array_equal(arrays["restored"], restored(STACK))
    np.testing.assert_array_equal(arrays["map"], np.abs(arrays["restored"] - STACK))
    judged = residual_map(network("unet"), torch.from_numpy(STACK)[:, None])[:, 0].numpy()
    np.testing.assert_allclose(arrays["map"], judged, atol=1e-6)


def test_a_map_of_a_picture_is_shown_in_colours_of_a_fixed_scale(client, tmp_path):
    bright = send(client, png(PICTURE), "anomaly")
    assert bright.headers["mrigen-scale"] == "0 0.5"
    values = unzipped(send(client, png(PICTURE), "anomaly", format="npz").content)["map"][0]
    shown = picture_of(bright, tmp_path).astype(int)
    assert shown.shape == (SIZE, SIZE, 3)
    order = np.argsort(values, axis=None)
    darkest, brightest = shown.reshape(-1, 3)[order[:50]], shown.reshape(-1, 3)[order[-50:]]
    assert darkest.sum(1).max() < brightest.sum(1).min()


def test_a_probability_is_that_of_the_evaluation(client):
    answer = send(client, npz(STACK), "anomaly", "vae", method="probability")
    arrays = unzipped(answer.content)
    assert list(arrays) == ["map"]
    vae, images = network("vae"), torch.from_numpy(STACK)[:, None]
    judged = reconstruction_probability_map(vae, images, draws=8, seed=0) - least_surprise(vae)
    np.testing.assert_allclose(arrays["map"], judged.clamp(min=0)[:, 0].numpy(), rtol=1e-4)


def test_a_probability_takes_a_network_that_knows_one(client):
    answer = send(client, png(PICTURE), "anomaly", "unet", method="probability")
    assert answer.status_code == 422
    assert "which knows no probability: expected a VAE" in answer.json()["detail"]


@pytest.mark.parametrize("task", ["restore", "anomaly"])
def test_a_model_that_answers_no_images_says_so(client, task):
    answer = send(client, png(PICTURE), task, "gan")
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("model 'gan' makes images and answers none")


def test_models_and_versions_that_are_not_served_are_not_found(client):
    assert send(client, png(PICTURE), model="dcgan").status_code == 404
    assert send(client, png(PICTURE), version=9).status_code == 404
    assert send(client, png(PICTURE), version=3).status_code == 200


@pytest.mark.parametrize(
    ("content", "kind", "status", "words"),
    [
        (b"", None, 415, "the file is empty"),
        (b"GIF89a...", None, 415, "begins with b'GIF89a..'"),
        (b"GIF89a...", "image/gif", 415, "the Content-Type is 'image/gif'"),
        (png(PICTURE), "application/x-nifti", 415, "begins as png does"),
        (png(PICTURE), "multipart/form-data", 415, "the Content-Type is"),
        (png(PICTURE)[:60], None, 422, "is damaged or cut off"),
        (npz(STACK * 2), None, 422, "values from"),
        (nifti(np.zeros((4, 4, 4), np.uint8)), None, 422, "0 everywhere"),
        (
            gzip.compress(nifti(dim=[3, 4000, 4000, 4000, 1, 1, 1, 1]), mtime=0),
            None,
            413,
            "declares",
        ),
        (npz(np.zeros((300, 2, 2), np.uint8)), None, 413, "300 slices: expected at most 256"),
        (bytes(2**20 + 1), None, 413, "1048576"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(client, content, kind, status, words):
    for task in ("restore", "anomaly"):
        answer = send(client, content, task, kind=kind)
        assert (answer.status_code, list(answer.json())) == (status, ["detail"])
        assert words in answer.json()["detail"]


@pytest.mark.parametrize(
    "query",
    [
        {"format": "jpeg"},
        {"plane": "oblique"},
        {"method": "guess"},
        {"version": "0"},
        {"versoin": "3"},
    ],
)
def test_unknown_questions_are_refused(client, query):
    answer = send(client, png(PICTURE), "anomaly", **query)
    assert answer.status_code == 422
    assert repr(next(iter(query))) in answer.json()["detail"]


def test_a_picture_has_no_place_in_a_scanner(client):
    answer = send(client, png(PICTURE), format="nifti")
    assert answer.status_code == 422
    assert "lies nowhere in a scanner" in answer.json()["detail"]


def test_a_sheet_holds_so_many_slices_and_no_more():
    most = ServingSettings(max_upload_pixels=2**20)
    with TestClient(create_app(Shelf([served("unet")]), most)) as client:
        many = npz(np.zeros((257, 4, 4), np.uint8))
        answer = send(client, many, format="png")
        assert answer.status_code == 422
        assert "257 slices, and a picture shows at most 256" in answer.json()["detail"]
        assert len(unzipped(send(client, many).content)["images"]) == 257


def test_answers_are_the_same_bytes_whatever_is_asked_for_meanwhile(client):
    files = [png(PICTURE), npz(STACK), nifti(), npz(noise(3, 40, 20, seed=3)), nifti(head()[::2])]
    asked = [
        (content, task, model)
        for content in files
        for task in ("restore", "anomaly")
        for model in ("unet", "vae")
    ]
    alone = [send(client, *each).content for each in asked]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda each: send(client, *each), asked * 2))
    assert [answer.status_code for answer in together] == [200] * len(together)
    assert [answer.content for answer in together] == alone * 2


def test_room_is_given_back_however_a_request_ends(client):
    room = client.app.state.server.uploads
    for content in (png(PICTURE), png(PICTURE)[:60], npz(STACK)):
        send(client, content)
        assert room.held == 0


def test_one_upload_too_many_is_asked_to_come_back(client, monkeypatch):
    monkeypatch.setattr(client.app.state.server, "uploads", UploadRoom(at_once=1, waiting=-1))
    answer = send(client, png(PICTURE))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert answer.json()["detail"] == "the server is busy: ask again in 2 s."


@pytest.mark.parametrize("task", ["restore", "anomaly"])
def test_what_is_answered_is_what_the_description_says(client, task):
    paths = client.get("/openapi.json").json()["paths"]
    described = paths[f"/v1/models/{{name}}/{task}"]["post"]
    assert "application/x-nifti" in described["requestBody"]["content"]
    for content in (png(PICTURE), npz(STACK), nifti(), nifti(packed=True), b"", npz(STACK * 2)):
        answer = send(client, content, task)
        told = described["responses"][str(answer.status_code)]
        assert answer.headers["content-type"] in told["content"]
        if answer.status_code == 200:
            ours = {name for name in answer.headers if name.startswith("mrigen-")}
            assert ours <= {name.lower() for name in told["headers"]}
