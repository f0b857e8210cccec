import pytest

from mrigen.config import parse_config
from mrigen.data.layouts.config import SourceConfig
from mrigen.errors import ConfigError

PICTURES = {"layout": "pictures", "subject": "(?P<subject>.*)_", "plane": "axial"}


def parse(**values):
    return parse_config(SourceConfig, {"path": "data", **values}, source="params.yaml")


@pytest.mark.parametrize("layout", ["ixi", "decathlon", "bids", "folder"])
def test_a_layout_and_a_path_are_enough(layout):
    assert parse(layout=layout).layout == layout


def test_pictures_say_whose_they_are_and_what_they_show():
    assert parse(**PICTURES).plane == "axial"
    for key in ("subject", "plane"):
        with pytest.raises(ConfigError, match=f"expected a key '{key}'"):
            parse(**{name: value for name, value in PICTURES.items() if name != key})


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"layout": "nifti"}, "'layout' is 'nifti': expected 'ixi', 'decathlon', 'bids'"),
        ({"layout": "ixi", "plane": "axial"}, "no key 'plane', which belongs to the layout 'pict"),
        ({"layout": "ixi", "subject": "x"}, "no key 'subject', which belongs to the layout 'fol"),
        ({"layout": "bids", "table": "t.csv"}, "no key 'table'"),
        ({"layout": "bids", "modality": "T2w"}, "no key 'modality'"),
        ({"layout": "decathlon", "files": "a*"}, "no key 'files'"),
        ({"layout": "ixi", "recursive": False}, "no key 'recursive'"),
        ({**PICTURES, "masks": "m/{stem}.png"}, "no key 'masks'"),
        ({"layout": "ixi", "unlabelled": True}, "a key 'labels' beside 'unlabelled'"),
        ({"layout": "folder", "subject": "("}, "a regular expression as 'subject', and it is none"),
        ({"layout": "folder", "subject": "x"}, r"with the group \(\?P<subject>...\), and others"),
        ({"layout": "folder", "subject": "(?P<subject>x)(?P<age>y)"}, "others only of 'site'"),
        ({"layout": "folder", "subject": "(?P<subject>x)(?P<index>y)"}, "others only of 'site'"),
        ({"layout": "ixi", "masks": "../{stem}.nii"}, "a path inside its folder"),
        ({"layout": "ixi", "masks": "m/{name}.nii"}, "no other braces than those of {stem}"),
        ({"layout": "ixi", "masks": "m/{stem"}, "no other braces"),
        ({"layout": "ixi", "masks": "m/{stem!r}"}, "no other braces"),
        ({"layout": "ixi", "masks": "m/{stem:>99999999999}"}, "no other braces"),
        ({"layout": "ixi", "masks": "m/{subject.__class__}"}, "no other braces"),
        ({"layout": "ixi", "labels": "**/{stem}.nii"}, r"no \*\*"),
        ({"layout": "folder", "table": "/etc/passwd"}, "a path inside its folder"),
        ({"layout": "ixi", "path": "../data"}, "'path' is '../data': expected a path inside"),
        ({"layout": "ixi", "path": ""}, "'path' is ''"),
        ({"layout": "ixi", "max_voxels": 0}, "'max_voxels' is 0"),
    ],
)
def test_options_that_make_no_sense_say_what_would(values, words):
    with pytest.raises(ConfigError, match=words):
        parse(**values)
