import nibabel as nib
import numpy as np
import pytest
import yaml
from click.testing import CliRunner

import phantoms
from mrigen.cli import main
from mrigen.errors import ConfigError, DataError, ModelError
from mrigen.project import load_project
from mrigen.stages.anomaly import anomaly
from mrigen.stages.index import index
from mrigen.stages.slices import slices
from mrigen.training.runtime import choose_runtime
from small_bundles import write_bundle
from small_registry import write_project

CPU = choose_runtime(device="cpu")


@pytest.fixture
def project(tmp_path):
    phantoms.write_ixi(tmp_path / "data", subjects=1)
    project = write_project(tmp_path)
    for model in ("vae", "unet", "gan"):
        write_bundle(project.bundle(model), model)
    return project


@pytest.fixture
def volume(project):
    (path,) = (project.root / "data" / "IXI-T1").iterdir()
    return path


def changed(project, **dataset):
    path = project.root / "params.yaml"
    values = yaml.safe_load(path.read_text())
    values["datasets"]["heads"] |= dataset
    path.write_text(yaml.safe_dump(values))
    return load_project(project.root)


def run(project, volume, model="vae", **words):
    return anomaly(project, volume, model, runtime=CPU, **words)


@pytest.mark.parametrize("model", ["vae", "unet"])
def test_a_map_lies_over_its_volume(project, volume, model):
    found = run(project, volume, model)
    assert found.path == project.root / "exports" / "anomaly" / model / volume.name
    original, answer = nib.load(volume), nib.load(found.path)
    assert answer.shape == original.shape == (28, 26, 24)
    np.testing.assert_array_equal(answer.affine, original.affine)
    values = answer.get_fdata()
    assert 0 <= values.min() < values.max() <= 1
    # Otherwise slices that the network has never learned from would always win.
    assert len(found.slices) == 5
    assert set(found.slices) <= set(range(13, 18))


def test_what_the_model_cannot_explain_stands_out_where_it_is(project, volume, monkeypatch):
    def blank(network, images, **words):
        return images.mul(0)

    monkeypatch.setattr("mrigen.evaluation.anomaly.maps.reconstruct", blank)
    project = changed(project, intensity={"upper": 100})
    original = nib.load(volume)
    array = np.asarray(original.dataobj).copy() // 8
    array[20:22, 9:11, 5:7] = 1000
    marked = volume.with_name("marked.nii.gz")
    nib.Nifti1Image(array, original.affine).to_filename(marked)
    found = nib.load(run(project, marked).path).get_fdata()
    assert found[20:22, 9:11, 5:7].mean() > 3 * found.mean()
    place = np.unravel_index(found.argmax(), found.shape)
    assert np.linalg.norm(np.array(place) - (20.5, 9.5, 5.5)) < 2


def test_the_probability_of_a_vae_starts_at_nothing(project, volume):
    found = run(project, volume, method="probability")
    values = nib.load(found.path).get_fdata()
    assert np.isfinite(values).all()
    assert 0 <= values.min() < values.max()


def test_the_same_map_is_the_same_file(project, volume, tmp_path):
    for name in ("one", "two"):
        run(project, volume, method="probability", output=tmp_path / name / "map.nii.gz")
    first, second = ((tmp_path / name / "map.nii.gz").read_bytes() for name in ("one", "two"))
    assert first == second


def test_outside_of_a_mask_nothing_is_unusual(project, volume):
    project = changed(project, brain_mask={"by": "nonzero"}, skull_strip=True)
    original = nib.load(volume)
    array = np.asarray(original.dataobj).copy()
    array[:, :13] = 0
    path = volume.with_name("half.nii.gz")
    nib.Nifti1Image(array, original.affine).to_filename(path)
    values = nib.load(run(project, path).path).get_fdata()
    assert values[:, :13].max() == 0
    assert values[:, 13:].max() > 0


def test_a_map_is_replaced_only_by_force(project, volume):
    path = run(project, volume).path
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="--force"):
        run(project, volume, method="probability")
    assert path.read_bytes() == before
    assert run(project, volume, method="probability", overwrite=True).path == path
    assert path.read_bytes() != before


def test_the_volume_itself_is_never_replaced(project, volume):
    before = volume.read_bytes()
    with pytest.raises(ConfigError, match="the volume itself"):
        run(project, volume, output=volume, overwrite=True)
    assert volume.read_bytes() == before


@pytest.mark.parametrize("name", ["map.png", "map", "map.gz"])
def test_a_map_is_a_nifti_file(project, volume, tmp_path, name):
    with pytest.raises(ConfigError, match=r"expected a name in \.nii\.gz"):
        run(project, volume, output=tmp_path / name)


@pytest.mark.parametrize(
    ("model", "words", "problem"),
    [
        ("gan", {}, "answers no images"),
        ("unet", {"method": "probability"}, "expected a VAE"),
    ],
)
def test_a_model_without_such_a_map_is_refused(project, volume, model, words, problem):
    with pytest.raises(ModelError, match=problem):
        run(project, volume, model, **words)


def test_slices_of_another_size_are_refused(project, volume):
    with pytest.raises(ModelError, match="trained on slices of 32 pixels, and its dataset now has"):
        run(changed(project, size=64), volume)


def test_a_damaged_volume_leaves_nothing_behind(project, volume):
    phantoms.truncate(volume)
    answer = CliRunner().invoke(
        main, ["-C", str(project.root), "anomaly", str(volume), "--model", "vae"]
    )
    assert answer.exit_code == 2
    assert answer.stderr.count("\n") == 1
    assert answer.stderr.startswith("mrigen: scan '")
    assert not (project.root / "exports").exists()


def test_the_command_prints_one_line(project, volume, tmp_path):
    words = ["-C", str(project.root), "anomaly", str(volume), "--model", "vae", "--device", "cpu"]
    answer = CliRunner().invoke(main, [*words, "--output", str(tmp_path / "map.nii.gz")])
    assert answer.exit_code == 0, answer.output
    (line,) = answer.stdout.splitlines()
    assert line.startswith(f"map: {tmp_path / 'map.nii.gz'}; most unusual slices: ")
    assert len(line.rsplit(": ", 1)[1].split(", ")) == 5


@pytest.fixture
def channels(tmp_path):
    """A project over a cohort with channels, and its index."""
    phantoms.write_decathlon(tmp_path / "data", subjects=4)
    project = write_project(tmp_path)
    path = tmp_path / "params.yaml"
    values = yaml.safe_load(path.read_text())
    values["sources"]["ixi"]["layout"] = "decathlon"
    values["datasets"]["heads"]["split"] = {"train": 0.5, "validation": 0.25, "test": 0.25}
    path.write_text(yaml.safe_dump(values))
    project = load_project(tmp_path)
    write_bundle(project.bundle("vae"), "vae")
    index(project)
    return project


def test_a_channel_is_found_by_the_only_modality_of_the_dataset(channels):
    (volume, *_) = sorted((channels.root / "data" / "imagesTr").iterdir())
    only = run(channels, volume)
    named = run(channels, volume, channel=1)
    assert named.path.name == "BRATS_001_1.nii.gz"
    assert only.path.read_bytes() == named.path.read_bytes()
    other = run(channels, volume, channel=3)
    assert other.path.read_bytes() != named.path.read_bytes()
    both = changed(channels, modalities=["T1w", "FLAIR"])
    with pytest.raises(ConfigError, match=r"such as 0 \(FLAIR\), 1 \(T1w\)"):
        run(both, volume, overwrite=True)
    with pytest.raises(ConfigError, match="has 4 channels, and 4 was named"):
        run(channels, volume, channel=4)


def test_a_foreign_volume_is_scaled_like_the_cohort(channels, tmp_path):
    project = changed(channels, intensity={"scope": "cohort"}, modalities=["T1w", "FLAIR"])
    foreign = phantoms.write_volume(tmp_path / "other.nii.gz", phantoms.head(seed=9))
    with pytest.raises(ConfigError, match="any of T1w, FLAIR"):
        run(project, foreign)
    project = changed(project, modalities=["T1w"])
    with pytest.raises(DataError, match="run 'mrigen slices heads'"):
        run(project, foreign)
    slices(project, "heads", workers=1, progress=False)
    assert run(project, foreign).path.exists()


def test_a_channel_of_a_head_without_channels_is_a_mistake(project, volume):
    with pytest.raises(ConfigError, match="three dimensions, and channel 2"):
        run(project, volume, channel=2)
