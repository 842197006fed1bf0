"""Keypoints of labels renamed, selected and brought to a project's skeleton."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poetlab.errors import LabelError, SkeletonError
from poetlab.labels.keypoint_names import LACKING, keypoint_order, map_skeleton, read_renames, renamed
from poetlab.skeleton import Skeleton, load_skeleton

SOURCE = Skeleton(
    "mouse",
    ("snout", "earL", "earR", "tail"),
    edges=(("snout", "earL"), ("snout", "earR"), ("snout", "tail")),
    symmetries=(("earL", "earR"),),
    sigmas=(0.1, 0.2, 0.3, 0.4),
)


def order(source: Skeleton, target: Skeleton, renames: dict | None = None, keypoints: list | None = None) -> list[int]:
    mapped = map_skeleton(source, renames or {}, keypoints)
    return keypoint_order(renamed(source, renames or {}), mapped, target).tolist()


def test_renames_are_pairs_and_files(tmp_path: Path) -> None:
    (tmp_path / "names.yaml").write_text("earL: left_ear\n1: one\n")
    given = ["snout=nose", str(tmp_path / "names.yaml"), " tail = tail base "]
    assert read_renames(given) == {"snout": "nose", "earL": "left_ear", "1": "one", "tail": "tail base"}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["=nose"], "lacks a name"),
        (["snout="], "lacks a name"),
        (["missing.yaml"], "give a YAML file, or OLD=NEW"),
        (["a=b", "a=c"], "both 'b' and 'c'"),
    ],
)
def test_renames_that_say_nothing_are_refused(given: list[str], words: str) -> None:
    with pytest.raises(LabelError, match=words):
        read_renames(given)


@pytest.mark.parametrize("content", ["- a\n- b\n", "a: [b]\n", "a:\n"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "names.yaml"
    path.write_text(content)
    with pytest.raises(LabelError, match="not a mapping of keypoint names"):
        read_renames([str(path)])


def test_edges_symmetries_and_sigmas_go_with_the_keypoints() -> None:
    mapped = map_skeleton(SOURCE, {"snout": "nose"}, ["earR", "nose", "earL"])
    assert mapped == Skeleton(
        "mouse",
        ("earR", "nose", "earL"),
        edges=(("nose", "earL"), ("nose", "earR")),
        symmetries=(("earL", "earR"),),
        sigmas=(0.3, 0.1, 0.2),
    )
    assert map_skeleton(SOURCE, {}, None) == SOURCE
    assert map_skeleton(SOURCE, {}, ["earL", "snout"]).symmetries == ()


def test_keypoints_can_change_names_with_each_other() -> None:
    mapped = map_skeleton(SOURCE, {"earL": "earR", "earR": "earL"}, None)
    assert mapped.keypoints == ("snout", "earR", "earL", "tail")
    assert mapped.symmetries == (("earR", "earL"),)


def test_new_names_that_differ_in_a_side_are_paired_and_those_of_a_preset_have_its_sigmas() -> None:
    preset = load_skeleton("macaque")
    plain = Skeleton("m", tuple(f"p{number}" for number in range(preset.n_keypoints)))
    mapped = map_skeleton(plain, dict(zip(plain.keypoints, preset.keypoints, strict=True)), None)
    assert (mapped.keypoints, mapped.sigmas) == (preset.keypoints, preset.sigmas)
    assert set(map(frozenset, mapped.symmetries)) == set(map(frozenset, preset.symmetries))


@pytest.mark.parametrize(
    ("renames", "keypoints", "words"),
    [
        ({"snuot": "nose"}, None, "--rename names 'snuot', which the labels do not have; did you mean 'snout'?"),
        ({"snout": "tail"}, None, "gives 'snout' and 'tail' the same name 'tail'"),
        ({}, ["earL", "L_ear2"], "--keypoints names 'L_ear2', which the labels do not have; did you mean 'earL'?"),
        ({}, ["whisker"], "they have snout, earL, earR, tail"),
        ({}, ["tail", "tail"], "has a name twice"),
        ({}, [""], "--keypoints names ''"),
        ({"snout": "nose"}, ["snout"], "--keypoints names 'snout'"),
    ],
)
def test_names_that_cannot_be_are_refused(renames: dict, keypoints: list | None, words: str) -> None:
    with pytest.raises(SkeletonError) as caught:
        map_skeleton(SOURCE, renames, keypoints)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_order_is_the_projects_and_what_the_labels_lack_is_marked() -> None:
    target = Skeleton("t", ("tail", "neck", "nose", "earR", "earL"))
    assert order(SOURCE, target, {"snout": "nose"}) == [3, LACKING, 0, 2, 1]
    assert order(SOURCE, target, {"snout": "nose"}, ["nose", "tail"]) == [3, LACKING, 0, LACKING, LACKING]


def test_a_disagreement_names_what_differs_and_what_mends_it() -> None:
    target = Skeleton("rat", ("nose", "left_ear", "right_ear", "tail_base"))
    with pytest.raises(SkeletonError) as caught:
        order(SOURCE, target)
    message = str(caught.value)
    assert "the labels lack: nose, left_ear, right_ear, tail_base" in message
    assert "the skeleton lacks: snout, earL, earR, tail" in message
    assert "--rename earL=left_ear --rename earR=right_ear" in message
    assert "give --keypoints " in message
    assert "right_ear=" not in message
    assert "earL=right" not in message


def test_following_the_advice_mends_it() -> None:
    target = Skeleton("rat", ("left_ear", "right_ear", "snout"))
    with pytest.raises(SkeletonError) as caught:
        order(SOURCE, target)
    message = str(caught.value)
    renames = read_renames(text.rstrip(";") for text in message.split() if "=" in text)
    keypoints = message.rpartition("--keypoints ")[2].split(",")
    assert order(SOURCE, target, renames, keypoints) == [1, 2, 0]


def test_labels_with_nothing_in_common_are_refused() -> None:
    with pytest.raises(SkeletonError, match="or import into another project"):
        order(SOURCE, Skeleton("car", ("wheel", "door")))


names = st.lists(st.text("abcLR_1", min_size=1, max_size=6), min_size=1, max_size=8, unique=True)


@given(names=names, data=st.data())
def test_values_arrive_under_their_new_names(names: list[str], data: st.DataObject) -> None:
    source = Skeleton("s", tuple(names))
    renames = dict(zip(names, data.draw(st.permutations(names)), strict=True))
    kept = data.draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
    target = Skeleton("t", tuple(data.draw(st.permutations([*kept, "other"]))))
    found = order(source, target, renames, kept)
    values = {renames[name]: place for place, name in enumerate(names)}
    assert found == [values[name] if name in kept else LACKING for name in target.keypoints]
    assert np.unique([place for place in found if place != LACKING]).size == len(kept)
