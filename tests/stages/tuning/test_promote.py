"""What a study has found is written into `params.yaml`, and nothing else is."""

import pytest
from optuna.trial import TrialState, create_trial

import tiny_project
from mrigen.data.store.slice_store import SliceStore
from mrigen.errors import ConfigError, TuningError
from mrigen.project import load_project
from mrigen.stages.tuning.promote import promote
from mrigen.tuning.confirmation import Confirmation, write_confirmation
from mrigen.tuning.plan import StudyPlan
from mrigen.tuning.proposals import given
from mrigen.tuning.space import parameters_of
from mrigen.tuning.storage import open_storage
from mrigen.tuning.study import open_study

TEXT = """\
# One cohort.
sources: { ixi: { layout: ixi, path: data } }
datasets:
  heads:
    source: ixi
    size: 32
    split: { train: 0.5, validation: 0.25, test: 0.25, seed: 0 }
  others: { source: ixi, size: 32 }
models:
  shared:
    dataset: heads
    network: { name: unet, base_channels: 2, depth: 2 }
    objective: { name: reconstruction }
    corruption: [{ name: line_patch }]
    training: &training # of all
      epochs: 2
      learning_rate: 1.0e-3 # as usual
    evaluation: {}
    gate: {}
  vae:
    dataset: heads
    network: # convolutional
      { name: vae, latent_size: 6, depth: 3, sampling: { name: mixture, components: 4 } }
    objective: { name: variational }
    corruption: null
    training: *training # the same
    evaluation: {}
    gate: {}
    search:
      parameters:
        training.learning_rate: { float: [3.0e-4, 1.0e-2], log: true }
        training.betas.0: { choice: [0.5, 0.9] }
        network.depth: { choice: [2, 3] }
        network.sampling.name: { choice: [prior, mixture] }
        network.sampling.components: { integer: [2, 8], when: { network.sampling.name: mixture } }
# The end.
"""

BASELINE = {
    "training.learning_rate": 1e-3,
    "training.betas.0": 0.9,
    "network.depth": 3,
    "network.sampling.name": "mixture",
    "network.sampling.components": 4,
}
PRIOR = {
    "training.learning_rate": 0.002345,
    "training.betas.0": 0.9,
    "network.depth": 2,
    "network.sampling.name": "prior",
}
SPREAD = BASELINE | {"training.betas.0": 0.5, "network.sampling.components": 8}


@pytest.fixture(scope="module")
def slices(tmp_path_factory):
    root = tmp_path_factory.mktemp("slices")
    (root / "params.yaml").write_text(TEXT)
    tiny_project.write_slices(load_project(root))
    return root / "processed"


@pytest.fixture
def root(tmp_path, slices):
    (tmp_path / "params.yaml").write_text(TEXT)
    (tmp_path / "processed").symlink_to(slices)
    return tmp_path


def edit(root, before, after):
    text = (root / "params.yaml").read_text()
    assert text.count(before) == 1
    (root / "params.yaml").write_text(text.replace(before, after))


def begin(root, objectives=("frechet_distance",), note=True):
    project = load_project(root)
    config = project.model_config("vae")
    store = SliceStore(project.processed("heads"))
    plan = StudyPlan(
        name="vae-1-2", model="vae", dataset="heads", data=store.fingerprint,
        objectives=objectives, search=config.search, epochs=2,
        baseline=parameters_of(config.section, config.search)[0],
        space=config.space_hash(objectives),
    )  # fmt: skip
    study = open_study(open_storage(root, None), plan)
    if note:
        study.set_note("section", config.section)
    return study


def add(study, params, *values, state=TrialState.COMPLETE):
    proposal = given(study.plan.search, params)
    study.optuna.add_trial(
        create_trial(
            state=state,
            values=list(values) or None,
            params=proposal.params,
            distributions=proposal.distributions,
        )
    )


def found(root, *params):
    """A study whose trials are ever better; trial 0 is the baseline and waits."""
    study = begin(root)
    for place, each in enumerate(params):
        add(study, each, 50.0 - place)
    return study


def changed_lines(promotion):
    lines = promotion.diff.splitlines()[2:]
    return [line for line in lines if line[0] in "+-"]


def test_the_best_trials_parameters_are_put_in_and_every_other_letter_stays(root):
    found(root, SPREAD, PRIOR)
    promotion = promote(load_project(root), "vae")
    assert promotion.trial.params == PRIOR
    assert changed_lines(promotion) == [
        "-      { name: vae, latent_size: 6, depth: 3, "
        "sampling: { name: mixture, components: 4 } }",
        "+      { name: vae, latent_size: 6, depth: 2, sampling: { name: prior } }",
        "-    training: *training # the same",
        "+    training: { <<: *training, learning_rate: 2.345e-3 } # the same",
    ]
    assert (root / "params.yaml").read_text() == TEXT
    before = load_project(root)
    promotion.write()
    after = load_project(root)
    assert after.params.models["vae"] == before.model_config("vae").with_parameters(PRIOR)
    assert after.params.models["shared"] == before.params.models["shared"]
    assert (after.params.datasets, after.params.sources) == (
        before.params.datasets,
        before.params.sources,
    )


def test_a_list_that_only_had_defaults_is_written_whole(root):
    found(root, SPREAD)
    promotion = promote(load_project(root), "vae")
    assert "{ <<: *training, betas: [0.5, 0.999] } # the same" in promotion.after
    assert "sampling: { name: mixture, components: 8 }" in promotion.after


def test_a_block_that_only_had_defaults_is_written_with_its_kind(root):
    edit(root, ", sampling: { name: mixture, components: 4 }", "")
    study = begin(root)
    add(study, BASELINE | {"network.sampling.components": 6}, 1.0)
    promotion = promote(load_project(root), "vae")
    assert "depth: 3, sampling: { name: mixture, components: 6 } }" in promotion.after


def test_promotion_keeps_the_study(root):
    study = found(root, PRIOR)
    promote(load_project(root), "vae").write()
    config = load_project(root).model_config("vae")
    assert config.space_hash(study.plan.objectives) == study.plan.space
    with pytest.raises(TuningError, match="nothing to change: model 'vae' has the parameters of"):
        promote(load_project(root), "vae")


def test_a_trial_is_chosen_by_its_number(root):
    found(root, SPREAD, PRIOR)
    assert promote(load_project(root), "vae", trial=1).trial.params == SPREAD


def test_sentences_name_the_trial_the_baseline_and_what_would_confirm_it(root):
    study = found(root, PRIOR)
    storage = study.storage
    with storage.worker() as worker:
        study.claim(worker, total=2).complete([60.0])
    told = promote(load_project(root), "vae").sentences()
    assert told == [
        "Study 'vae-1-2': trial 1 complete, frechet_distance 50, against 60 of the baseline.",
        "Nothing has confirmed that with other seeds yet: "
        "'mrigen tune confirm vae --trial 1' would.",
    ]


def test_sentences_tell_of_a_confirmation_of_the_same_trial(root):
    found(root, SPREAD, PRIOR)
    confirmation = Confirmation(
        model="vae", study="vae-1-2", trial=2, score="frechet_distance", baseline=BASELINE,
        tuned=PRIOR, baseline_in_study=None, tuned_in_study=49.0, seeds=(),
    )  # fmt: skip
    write_confirmation(root / "tuned" / "vae", confirmation)
    told = promote(load_project(root), "vae").sentences()
    assert told[1:] == confirmation.sentences()
    other = promote(load_project(root), "vae", trial=1).sentences()
    assert other[1].startswith("Nothing has confirmed that")


def test_there_is_nothing_to_change_if_the_baseline_is_best(root):
    study = found(root, PRIOR)
    with study.storage.worker() as worker:
        study.claim(worker, total=2).complete([10.0])
    with pytest.raises(TuningError, match=r"nothing to change.* of the baseline of study"):
        promote(load_project(root), "vae")


def test_trials_without_a_score_are_not_promoted(root):
    study = begin(root)
    with pytest.raises(TuningError, match="no trial of study 'vae-1-2' is complete"):
        promote(load_project(root), "vae")
    add(study, PRIOR, state=TrialState.PRUNED)
    add(study, SPREAD, 1.0)
    with pytest.raises(TuningError, match=r"trial 1 of .* is pruned: expected .* one of 2"):
        promote(load_project(root), "vae", trial=1)
    with pytest.raises(TuningError, match=r"trial 9 of .* is not there"):
        promote(load_project(root), "vae", trial=9)


def test_a_study_of_other_data_is_refused(root, tmp_path_factory):
    found(root, PRIOR)
    other = tmp_path_factory.mktemp("other")
    (other / "params.yaml").write_text(TEXT)
    tiny_project.write_slices(load_project(other), subjects=4)
    (root / "processed").unlink()
    (root / "processed").symlink_to(other / "processed")
    with pytest.raises(TuningError, match=r"is of slices with the fingerprint .* but those"):
        promote(load_project(root), "vae")
    edit(
        root, "    dataset: heads\n    network: # conv", "    dataset: others\n    network: # conv"
    )
    with pytest.raises(TuningError, match="is of dataset 'heads', but model 'vae' learns from"):
        promote(load_project(root), "vae")


def test_fixed_values_that_have_changed_are_named(root):
    found(root, PRIOR)
    edit(root, "      epochs: 2\n", "      epochs: 30\n")
    edit(root, "latent_size: 6", "latent_size: 16")
    words = r"searched \('network.latent_size' is 16, was 6, 'training.epochs' is 30, was 2\), so"
    with pytest.raises(TuningError, match=words):
        promote(load_project(root), "vae")


def test_without_a_note_fixed_values_are_refused_all_the_same(root):
    add(begin(root, note=False), PRIOR, 1.0)
    edit(root, "      epochs: 2\n", "      epochs: 30\n")
    with pytest.raises(TuningError, match="apart from what the study searched, so that"):
        promote(load_project(root), "vae")


def test_a_search_block_that_has_changed_since_or_gone_is_no_hindrance(root):
    found(root, PRIOR)
    edit(root, "1.0e-2], log: true", "1.0e-3], log: true")
    assert promote(load_project(root), "vae").trial.params == PRIOR
    text = (root / "params.yaml").read_text()
    (root / "params.yaml").write_text(text[: text.index("    search:")])
    assert promote(load_project(root), "vae").trial.params == PRIOR


def test_a_study_of_both_asks_which_trial_unless_one_is_best_in_both(root):
    study = begin(root, ("frechet_distance", "seconds"))
    add(study, PRIOR, 10.0, 90.0)
    assert promote(load_project(root), "vae").trial.number == 1
    add(study, SPREAD, 20.0, 30.0)
    with pytest.raises(TuningError, match=r"--trial. The front is: trial 1 .*; trial 2 .* 30 s\."):
        promote(load_project(root), "vae")
    assert promote(load_project(root), "vae", trial=2).trial.params == SPREAD


def test_a_file_that_has_changed_since_the_diff_is_not_written_over(root):
    found(root, PRIOR)
    promotion = promote(load_project(root), "vae")
    edit(root, "# The end.", "# The very end.")
    with pytest.raises(ConfigError, match="has changed meanwhile"):
        promotion.write()
    assert (root / "params.yaml").read_text() == TEXT.replace("# The end.", "# The very end.")


def test_line_ends_permissions_and_links_of_the_file_stay(root):
    path = root / "params.yaml"
    kept = path.rename(root / "kept.yaml")
    kept.write_bytes(TEXT.replace("\n", "\r\n").encode())
    kept.chmod(0o640)
    path.symlink_to(kept)
    found(root, PRIOR)
    promote(load_project(root), "vae").write()
    content = kept.read_bytes()
    assert path.is_symlink()
    assert kept.stat().st_mode & 0o777 == 0o640
    assert content.count(b"\r\n") == content.count(b"\n")
    assert b"learning_rate: 2.345e-3" in content


def test_a_model_or_study_that_is_not_there_is_an_error(root):
    with pytest.raises(ConfigError, match=r"'cnn' is not in params.yaml"):
        promote(load_project(root), "cnn")
    found(root, PRIOR)
    with pytest.raises(TuningError, match="no study 'other' of model 'vae'"):
        promote(load_project(root), "vae", study="other")
