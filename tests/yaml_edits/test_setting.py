import re
from pathlib import Path

import pytest
import yaml
from dvc.utils.serialize import loads_yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mrigen.errors import ConfigError
from mrigen.yaml_edits.nodes import same
from mrigen.yaml_edits.setting import set_values
from yaml_documents import documents

NEW_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1000, 10**9),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["mixture", "off", "1e-3", "0x10", "1:30", "", "~", "é #{", "a: b", "010"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
)


ROOT = Path(__file__).parents[2]
OWN_FILES = [ROOT / "params.yaml", *sorted((ROOT / "studies").glob("*.yaml"))]


def unshared(values):
    """A copy in which no block is there by reference."""
    if isinstance(values, dict):
        return {key: unshared(value) for key, value in values.items()}
    return [unshared(value) for value in values] if isinstance(values, list) else values


def places(values, path=()):
    """All paths with what stands there."""
    items = values.items() if isinstance(values, dict) else enumerate(values)
    for key, value in items:
        yield (*path, key), value
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


def at(values, path):
    for step in path:
        values = values[step]
    return values


def own_remarks(text):
    return [line.partition("# ")[2] for line in text.splitlines() if "# " in line]


def remarks(text):
    return re.findall(r"# remark \d+", text)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_what_is_set_is_there_for_pyyaml_and_dvc_and_nothing_else_has_changed(data):
    text = data.draw(documents())
    expected = unshared(yaml.safe_load(text))
    scalars = [path for path, value in places(expected) if not isinstance(value, dict | list)]
    chosen = (
        data.draw(st.lists(st.sampled_from(scalars), max_size=3, unique=True)) if scalars else []
    )
    changes = {path: data.draw(NEW_SCALARS) for path in chosen}
    for path, value in changes.items():
        at(expected, path[:-1])[path[-1]] = value

    edited = set_values(text, changes)

    assert same(yaml.safe_load(edited), expected)
    assert same(unshared(loads_yaml(edited)), expected)
    assert remarks(edited) == remarks(text)
    assert set_values(edited, changes) == edited


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_any_value_of_the_projects_own_files_can_be_set(data):
    text = data.draw(st.sampled_from(OWN_FILES)).read_text(encoding="utf-8")
    expected = unshared(yaml.safe_load(text))
    scalars = [path for path, value in places(expected) if not isinstance(value, dict | list)]
    path = data.draw(st.sampled_from(scalars))
    value = data.draw(NEW_SCALARS.filter(lambda value: "#" not in str(value)))
    at(expected, path[:-1])[path[-1]] = value

    edited = set_values(text, {path: value})

    assert same(unshared(loads_yaml(edited)), expected)
    assert own_remarks(edited) == own_remarks(text)


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_a_key_is_put_into_any_block(data):
    text = data.draw(documents())
    expected = unshared(yaml.safe_load(text))
    blocks = [path for path, value in places(expected) if isinstance(value, dict)]
    way = (*data.draw(st.sampled_from([(), *blocks])), "new")
    value, path = data.draw(
        st.sampled_from([(5, ()), ({"a": {"deep": 5}}, ("a", "deep")), ([5], (0,))])
    )
    at(expected, way[:-1])["new"] = value

    edited = set_values(text, {(*way, *path): 5})

    assert same(yaml.safe_load(edited), expected)
    assert same(unshared(loads_yaml(edited)), expected)


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_keys_are_taken_out_of_any_blocks_while_another_is_put_in(data):
    text = data.draw(documents())
    expected = unshared(yaml.safe_load(text))
    removed, changes = [], {}
    for _ in range(data.draw(st.integers(1, 3))):
        keys = [path for path, _ in places(expected) if isinstance(path[-1], str)]
        if keys:
            removed.append(data.draw(st.sampled_from(keys)))
            del at(expected, removed[-1][:-1])[removed[-1][-1]]
    blocks = [path for path, value in places(expected) if isinstance(value, dict)]
    if data.draw(st.booleans()):
        way = data.draw(st.sampled_from([(), *blocks]))
        changes[*way, "new"] = 5
        at(expected, way)["new"] = 5

    edited = set_values(text, changes, removed)

    assert same(yaml.safe_load(edited), expected)
    assert same(unshared(loads_yaml(edited) if expected else {}), expected)


SHARED = """\
first: &block # of both
  rate: 1.0e-3 # slow
  depth: 4
second:
  inner: *block # the same
third: { <<: *block, depth: 5 }
fourth: &fourth
  <<: *block
  sampling: &sampling { name: mixture, components: 16 }
fifth:
  <<: *fourth
  sampling: { <<: *sampling, components: 8 }
"""


@pytest.mark.parametrize(
    ("changes", "removed", "replaced"),
    [
        (
            {("second", "inner", "rate"): 2e-3},
            (),
            {"  inner: *block #": "  inner: { <<: *block, rate: 2.0e-3 } #"},
        ),
        (
            {("first", "rate"): 2e-3},
            (),
            {
                "  rate: 1.0e-3 #": "  rate: 2.0e-3 #",
                "  inner: *block #": "  inner: { <<: *block, rate: 1.0e-3 } #",
                "depth: 5 }": "depth: 5, rate: 1.0e-3 }",
                "16 }\n": "16 }\n  rate: 1.0e-3\n",
            },
        ),
        (
            {("fourth", "rate"): 2e-3},
            (),
            {"16 }\n": "16 }\n  rate: 2.0e-3\n",
             "components: 8 }\n": "components: 8 }\n  rate: 1.0e-3\n"},
        ),
        (
            {("fourth", "sampling", "name"): "prior"},
            [("fourth", "sampling", "components")],
            {"{ name: mixture, components: 16 }": "{ name: prior }",
             "components: 8 }": "components: 8, name: mixture }"},
        ),
        (
            {("fifth", "sampling", "name"): "prior"},
            [("fifth", "sampling", "components")],
            {"{ <<: *sampling, components: 8 }": "{ name: prior }"},
        ),
        (
            {("first", "warm"): 3},
            (),
            {"  depth: 4\n": "  depth: 4\n  warm: 3\n",
             "inner: *block": "inner: { rate: 1.0e-3, depth: 4 }",
             "{ <<: *block, depth: 5 }": "{ depth: 5, rate: 1.0e-3 }",
             "  <<: *block\n": "", "16 }\n": "16 }\n  rate: 1.0e-3\n  depth: 4\n"},
        ),
    ],
    ids=["alias", "anchor", "merge", "kind_of_anchor", "kind_of_merge", "new_key_of_anchor"],
)  # fmt: skip
def test_blocks_are_shared_as_far_as_their_values_are_the_same(changes, removed, replaced):
    expected = SHARED
    for before, after in replaced.items():
        assert expected.count(before) == 1, before
        expected = expected.replace(before, after)
    assert set_values(SHARED, changes, removed) == expected


def test_a_block_without_a_name_is_repeated_by_what_it_is_made_of():
    text = "a: &a { x: 1, z: 2 }\nb: &b\n  inner: { <<: *a, z: 3 }\nc: { <<: *b }\n"
    assert set_values(text, {("b", "inner", "x"): 5}) == text.replace(
        "z: 3 }", "z: 3, x: 5 }"
    ).replace("<<: *b }", "<<: *b, inner: { <<: *a, z: 3 } }")


def test_a_block_that_gets_long_has_lines_of_its_own():
    keys = ", ".join(f"a_rather_long_key_{number}: {number}" for number in range(5))
    text = f"first: &block {{ {keys} }}\nsecond: *block # as before\n"
    changes = {("second", f"another_long_key_{number}"): number for number in range(4)}
    assert set_values(text, changes).splitlines()[1:] == [
        "second:",
        "  <<: *block",
        *(f"  another_long_key_{number}: {number}" for number in range(3)),
        "  another_long_key_3: 3 # as before",
    ]


COMMENTED = """\
block: { # all
  first: 1, # about the first
  # above the second
  second: 2, # about the second
  third: 3 # about the third
}
"""


@pytest.mark.parametrize(
    ("key", "gone"),
    [
        ("first", "  first: 1, # about the first\n"),
        ("second", "  second: 2, # about the second\n"),
        ("third", "third: 3"),
    ],
)
def test_remarks_about_other_keys_stay_when_a_key_goes(key, gone):
    assert set_values(COMMENTED, {}, [("block", key)]) == COMMENTED.replace(gone, "")


def test_a_key_takes_the_place_of_the_last_one():
    edited = set_values(COMMENTED, {("block", "fourth"): 4}, [("block", "third")])
    assert edited == COMMENTED.replace("third: 3", "fourth: 4")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a: [",
        "a: 1\na: 2",  # a key twice
        "a: &a { b: *a }",  # inside itself
        "a: !!python/name:os.system x",
        "- 1",  # no block of keys
        "a: 1\n---\na: 2",
        "? a\n: 1",
    ],
)
def test_what_cannot_be_edited_in_place_is_to_be_written_by_hand(text):
    words = r"in place: remove 'a.c', set 'a.b' to 2.0e-3 by hand\.$"
    with pytest.raises(ConfigError, match=words):
        set_values(text, {("a", "b"): 2e-3}, [("a", "c")])


def test_what_is_not_there_is_removed_without_a_word():
    assert set_values("a: { b: 1 }\n", {}, [("a", "c"), ("x", "y"), ("a", "b", "d")]) == (
        "a: { b: 1 }\n"
    )
