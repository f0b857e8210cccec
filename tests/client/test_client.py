import zipfile

import numpy as np
import pytest
from PIL import Image

from live_server import listening
from mrigen.client import Client
from mrigen.client.files import check_whole
from mrigen.data.export.stacks import stack_header
from mrigen.errors import ClientError
from mrigen.models.sampling import draw_samples
from mrigen.serving.app import create_app
from mrigen.serving.shelf import Shelf
from small_bundles import SIZE, network
from small_conditional import SmallConditional
from small_served import served

DIGEST = f"{3:064x}"


@pytest.fixture(scope="module")
def address():
    models = [
        served(),
        served(version=2, aliases=("candidate",)),
        served("unet"),
        served("aged", SmallConditional(SIZE)),
    ]
    with listening(create_app(Shelf(models))) as (host, port):
        yield f"http://{host}:{port}"


@pytest.fixture
def client(address):
    with Client(address) as client:
        yield client


def test_the_models_are_listed(client):
    models = client.models()
    assert [(model.name, model.version) for model in models][:2] == [("vae", 3), ("vae", 2)]
    assert models[0].image_size == SIZE


def test_samples_are_those_of_their_seeds(client):
    samples = client.sample("vae", count=20, seed=7)
    assert np.array_equal(samples.images, draw_samples(network(), range(7, 27))[:, 0].numpy())
    assert samples.images.dtype == np.float32
    assert samples.seeds.tolist() == list(range(7, 27))
    assert (samples.model, samples.version, samples.device) == ("vae", 3, "cpu")
    assert samples.digest == DIGEST


def test_quick_samples_are_asked_for_and_say_so(client, tmp_path):
    asked = {"count": 3, "seed": 7, "conditions": {"age": 70}}
    quick = client.sample("aged", **asked, quick=True)
    expected = draw_samples(SmallConditional(SIZE), range(7, 10), {"age": 70.0}, quick=True)
    assert np.array_equal(quick.images, expected[:, 0].numpy())
    assert (quick.quick, client.sample("aged", **asked).quick) == (True, False)
    assert list(quick.conditions) == ["age"]
    assert client.download("aged", tmp_path / "x.zip", **asked, quick=True).quick
    assert [model.name for model in client.models() if model.quick] == ["aged"]
    with pytest.raises(ClientError, match="'vae' has no quick mode"):
        client.sample("vae", quick=True)


@pytest.mark.parametrize(
    ("reference", "version", "found"),
    [("vae", None, 3), ("vae", 2, 2), ("vae/2", None, 2), ("vae@candidate", None, 2)],
)
def test_versions_and_aliases_are_found(client, reference, version, found):
    assert client.sample(reference, seed=1, version=version).version == found


@pytest.mark.parametrize("reference", ["gan", "vae@gone", "vae/9", "../etc", "vae?x=1"])
def test_what_is_not_served_is_told_with_what_is(client, reference):
    with pytest.raises(ClientError, match="there is 'vae/3', 'vae/2'") as told:
        client.sample(reference)
    assert told.value.status == 404


def test_a_version_that_is_replaced_after_it_was_found_is_found_again(monkeypatch):
    def replaced(*asked):
        found = find(*asked)
        shelf.replace([served(version=2)])
        return found

    shelf = Shelf([served(version=1)])
    app = create_app(shelf)
    with listening(app) as (host, port), Client(f"http://{host}:{port}") as client:
        find = client.find
        monkeypatch.setattr(client, "find", replaced)
        assert client.sample("vae@champion", count=2, seed=1).version == 2
        shelf.replace([served(version=1)])
        assert client.restore("vae", np.zeros((SIZE, SIZE), np.float32)).version == 2
        shelf.replace([served(version=1)])
        with pytest.raises(ClientError, match="'vae/1' is not served"):
            client.sample("vae/1")


def test_without_a_seed_one_is_chosen_and_brings_the_images_again(client):
    first = client.sample("vae", count=2)
    again = client.sample("vae", count=2, seed=int(first.seeds[0]))
    assert np.array_equal(first.images, again.images)
    assert client.sample("vae").seeds[0] != first.seeds[0]


def test_conditions_are_asked_for_and_come_back(client):
    old = client.sample("aged", count=2, seed=1, conditions={"age": 70})
    young = client.sample("aged", count=2, seed=1, conditions={"age": 30})
    assert old.conditions["age"].tolist() == [70, 70]
    assert not np.array_equal(old.images, young.images)


def test_a_refusal_has_the_sentence_of_the_server(client):
    with pytest.raises(ClientError, match=r"status 422: .*'colour' is not known.*'age'") as told:
        client.sample("aged", conditions={"colour": 1})
    assert told.value.status == 422


@pytest.mark.parametrize("kind", ["png", "zip", "npz", "nii"])
def test_a_download_is_a_whole_file_of_the_same_samples(client, tmp_path, kind):
    made = client.download("vae", tmp_path / "new" / f"x.{kind}", count=18, seed=3)
    assert (made.seed, made.version) == (3, 3)
    content = made.path.read_bytes()
    if kind == "png":
        with Image.open(made.path) as sheet:
            assert sheet.size[0] > 4 * SIZE
    elif kind == "zip":
        with zipfile.ZipFile(made.path) as pictures:
            assert len(pictures.namelist()) == 18
    else:
        images = client.sample("vae", count=18, seed=3).images
        assert images.tobytes() in content
    assert [path.name for path in made.path.parent.iterdir()] == [made.path.name]


def test_another_ending_is_refused(client, tmp_path):
    with pytest.raises(ClientError, match=r"expected a name in \.png, \.zip, \.npz, \.nii"):
        client.download("vae", tmp_path / "x.jpg")


@pytest.mark.parametrize(("count", "seed"), [(0, 0), (1, -1), (2, 2**63 - 1)])
def test_what_cannot_be_asked_for_is_refused_here(client, count, seed):
    with pytest.raises(ClientError, match="expected"):
        client.sample("vae", count=count, seed=seed)


@pytest.mark.parametrize("shape", [(SIZE, SIZE), (20, SIZE, SIZE)])
def test_arrays_are_restored(client, shape):
    images = np.random.default_rng(0).random(shape, np.float32)
    answered = client.restore("unet", images)
    assert answered.images.shape == (20 if len(shape) == 3 else 1, SIZE, SIZE)
    assert (answered.model, answered.device) == ("unet", "cpu")


def test_a_file_is_restored_like_its_values(client, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "x.png")
    of_file = client.restore("unet", tmp_path / "x.png").images
    of_values = client.restore("unet", (pixels / np.float32(255)).astype(np.float32)).images
    assert np.array_equal(of_file, of_values)


def test_maps_of_residuals_come_with_what_they_differ_from(client):
    images = np.random.default_rng(0).random((3, SIZE, SIZE), np.float32)
    found = client.anomaly("vae", images)
    assert np.array_equal(found.maps, np.abs(found.restored - images))
    assert client.anomaly("vae", images, method="probability").restored is None


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.zeros((4, 4), np.uint8), r"uint8 \(4, 4\): expected float32"),
        (np.zeros((1, 2, 4, 4)), "expected float32"),
        (np.full((4, 4), 1.5), "values from 1.5 to 1.5"),
        (np.full((4, 4), np.nan), "values from nan to nan"),
        ("scan.dcm", "'scan.dcm' cannot be sent"),
    ],
)
def test_what_cannot_be_sent_is_refused_here(client, images, words):
    with pytest.raises(ClientError, match=words):
        client.restore("unet", images)


def test_a_stack_of_more_slices_than_one_header_can_count_is_whole(tmp_path):
    count = 2**15
    path = tmp_path / "x.nii"
    path.write_bytes(stack_header(count, 1, 1, words="small") + bytes(4 * count))
    check_whole(path, "nifti", count, 1)
    with pytest.raises(ClientError, match="no whole nifti file"):
        check_whole(path, "nifti", count + 1, 1)
