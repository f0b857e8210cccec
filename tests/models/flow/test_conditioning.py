import pytest
import torch

from mrigen.errors import ModelError
from mrigen.models.flow.conditioning import ConditionEmbedding, check_asked
from mrigen.models.interfaces import Condition

AGE = Condition("age", 18.3, 90.1, "years")
SEX = Condition("sex", 0, 1, choices=("female", "male"))


def embed(told, times=(0.5,), label=None, label_size=0):
    torch.manual_seed(0)
    embedding = ConditionEmbedding((AGE, SEX), label_size=label_size, size=16)
    told = {name: torch.tensor(values) for name, values in told.items()}
    return embedding(torch.tensor(times), told, label)


def test_every_value_and_every_time_is_told_apart():
    ages = embed({"age": [18.3, 19.0, 50.0, 90.1]}, times=[0.5] * 4)
    sexes = embed({"sex": [0.0, 1.0, torch.nan]}, times=[0.5] * 3)
    times = embed({}, times=[0.0, 0.01, 0.99, 1.0])
    for embedded in (ages, sexes, times):
        assert embedded.isfinite().all()
        distances = torch.pdist(embedded)
        assert distances.min() > 1e-3


def test_nan_and_no_entry_at_all_say_the_same():
    missing = embed({"age": [torch.nan], "sex": [torch.nan]})
    assert torch.equal(missing, embed({}))
    assert not torch.equal(missing, embed({"age": [18.3]}))
    assert torch.equal(embed({"age": [30.0]}), embed({"age": [30.0], "sex": [torch.nan]}))


@pytest.mark.parametrize("place", [-1.0, 2.0, 0.5, 1e30])
def test_a_choice_that_is_none_is_not_known(place):
    assert torch.equal(embed({"sex": [place]}), embed({}))


def test_values_of_others_in_the_batch_do_not_matter():
    mixed = embed({"age": [30.0, torch.nan, 70.0], "sex": [1.0, 0.0, torch.nan]}, [0.2, 0.5, 1.0])
    alone = embed({"age": [70.0]}, [1.0])
    torch.testing.assert_close(mixed[2:], alone)


def test_no_label_says_that_the_image_is_as_it_is():
    zeros = embed({}, label=torch.zeros(1, 3), label_size=3)
    assert torch.equal(embed({}, label_size=3), zeros)
    assert not torch.equal(embed({}, label=torch.ones(1, 3), label_size=3), zeros)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"height": [1.0]}, "'height' is not known to the network: expected 'age', 'sex'"),
        ({"age": [30.0, 91.0]}, r"'age' is 91: expected a number from 18.3 to 90.1 or NaN"),
        ({"age": [float("inf")]}, "'age' is inf: expected"),
        ({"sex": [torch.nan, 2.0]}, "'sex' is 2: expected the place of one of female, male"),
        ({"sex": [0.5]}, "'sex' is 0.5: expected"),
    ],
)
def test_refuses_to_be_asked_for_what_it_cannot_know(asked, words):
    with pytest.raises(ModelError, match=words):
        check_asked((AGE, SEX), {name: torch.tensor(values) for name, values in asked.items()})


def test_both_ends_of_a_range_and_nothing_can_be_asked_for():
    ends = torch.tensor([18.3, 90.1, torch.nan])
    check_asked((AGE, SEX), {"age": ends, "sex": torch.tensor([0.0, 1.0, torch.nan])})
