import pytest

from drawn_heads import DrawnStore, drawn_case, heads
from mrigen.evaluation.copying.search import Search


@pytest.fixture(scope="module")
def search(tmp_path_factory):
    case = drawn_case(DrawnStore(), heads(range(100, 106)), tmp_path_factory.mktemp("cache"))
    return Search(case, case.config.copying)


def test_training_slices_are_searched_and_test_slices_are_the_control(search):
    assert (search.train.max(), search.test.min()) == (127, 128)
    assert (len(search.train_of), len(search.test_of), search.count) == (128, 96, 48)
    assert (search.generated.shape, search.control.shape) == ((2, 48), (2, 96))
    assert search.too_few() is None
    assert search.remarks() == []


def test_what_was_found_is_a_training_slice_of_the_nearest_subject(search):
    for found in search.found + search.control_found:
        rows = range(len(found.places))
        assert (found.places < 128).all()
        nearest = [found.people[row, found.places[row] // 8] for row in rows]
        assert found.distances.tolist() == nearest == found.people.min(1).tolist()


def test_more_generated_slices_than_test_slices_are_not_looked_for(tmp_path):
    case = drawn_case(DrawnStore(6, 3), heads(range(100, 104)), tmp_path)
    assert Search(case, case.config.copying).count == 24
