"""A quiz mixes real and generated slices so that nothing but the slices themselves tells them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from mrigen.data.store.slice_store import SliceStore
from mrigen.evaluation.case import Case
from mrigen.evaluation.config import EvaluationConfig
from mrigen.evaluation.report import quiz
from mrigen.evaluation.report.quiz import judge_quiz
from mrigen.project import Project
from tiny_project import SIZE, params, write_slices


class Grey(nn.Module):
    """Draws slices of one grey value, which no head has."""

    noise_shape = (1,)

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))  # says on which device it is

    def sample(self, noise, conditions=None):
        return torch.full((len(noise), 1, SIZE, SIZE), 0.25)


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("quiz"), params())
    write_slices(project)
    return Case(
        model="grey",
        network=Grey(),
        store=SliceStore(project.processed("heads")),
        corruption=None,
        config=EvaluationConfig(samples=40),
        device=torch.device("cpu"),
        cache=project.cache,
    )


@pytest.fixture
def shown(monkeypatch):
    images = []
    plain = quiz._figure
    monkeypatch.setattr(quiz, "_figure", lambda each: images.append(each) or plain(each))
    return images


def answers(judgement):
    return [row["answer"] for row in judgement.tables["quiz_key"].rows]


def test_the_key_is_that_of_the_pictures(case, shown):
    judgement = judge_quiz(case)
    (images,) = shown
    made = [bool((image - 64 / 255).abs().max() < 1e-6) for image in images]
    assert [word == "generated" for word in answers(judgement)] == made
    assert [row["number"] for row in judgement.tables["quiz_key"].rows] == list(range(1, 13))
    assert 4 <= sum(made) <= 8


def test_real_ones_are_different_test_slices_as_they_are_stored(case, shown):
    judge_quiz(case)
    (images,) = shown
    test = case.images(case.rows("test"))
    real = [image for image in images if (image - 64 / 255).abs().max() > 0.1]
    matches = [int((test == image).all(dim=(1, 2, 3)).nonzero().item()) for image in real]
    assert len(set(matches)) == len(matches)


def test_the_same_seed_gives_the_same_quiz_and_another_another(case):
    first, again = judge_quiz(case), judge_quiz(case)
    assert first.pictures["quiz"].png == again.pictures["quiz"].png
    assert answers(first) == answers(again)
    keys = {tuple(quiz._answers(12, np.random.default_rng(seed))) for seed in range(8)}
    assert len(keys) > 4
    assert len({sum(key) for key in keys}) > 1, "counting must not help"


def test_the_key_of_one_model_does_not_tell_the_quiz_of_another(case):
    assert answers(judge_quiz(case)) != answers(judge_quiz(replace(case, model="other")))


def test_it_says_how_many_right_are_more_than_luck():
    # 17 of 24 or more right by tossing coins: 0.032; 16 or more: 0.076.
    assert "Blind guessing gets about 12 right, and 17 or more" in quiz._words(24)


@pytest.mark.parametrize("changes", [{"network": nn.Identity()}, {"config": {"generation": None}}])
def test_what_draws_nothing_has_no_quiz(case, changes):
    if "config" in changes:
        changes = {"config": EvaluationConfig(**changes["config"])}
    judgement = judge_quiz(replace(case, **changes))
    assert not judgement.pictures
    assert not judgement.remarks


def test_too_few_slices_are_a_sentence(case):
    judgement = judge_quiz(replace(case, config=EvaluationConfig(samples=3)))
    assert not judgement.tables
    assert judgement.remarks == [
        "There is no quiz of real and generated slices: 3 of each are too few to mix, expected 6."
    ]


def test_the_number_of_generated_ones_is_never_extreme():
    counts = [quiz._answers(24, np.random.default_rng(seed)).sum() for seed in range(200)]
    assert min(counts) >= 8
    assert max(counts) <= 16
    assert np.std(counts) > 1
