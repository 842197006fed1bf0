"""Skeletons: presets, files, names, symmetries, and what is refused."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from poetlab.errors import SkeletonError
from poetlab.skeleton import DEFAULT_SIGMA, PRESETS, Skeleton, infer_skeleton, infer_symmetries, load_skeleton

LIZARD = Skeleton(
    "lizard",
    ("nose", "left_eye", "right_eye", "tail"),
    edges=(("nose", "left_eye"), ("nose", "right_eye"), ("nose", "tail")),
    symmetries=(("left_eye", "right_eye"),),
    sigmas=(0.03, 0.02, 0.02, 0.1),
)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_loads_and_mirrors_onto_itself(preset: str) -> None:
    skeleton = load_skeleton(preset)
    assert skeleton.n_keypoints == len(skeleton.sigmas) == len(skeleton.flip_indices)
    assert [skeleton.flip_indices[i] for i in skeleton.flip_indices] == list(range(skeleton.n_keypoints))
    assert skeleton.edges


@pytest.mark.parametrize("preset", PRESETS)
def test_the_symmetries_of_every_preset_are_those_of_its_names(preset: str) -> None:
    skeleton = load_skeleton(preset)
    assert {frozenset(pair) for pair in infer_symmetries(skeleton.keypoints)} == {
        frozenset(pair) for pair in skeleton.symmetries
    }


def test_the_coco_preset_is_that_of_pycocotools() -> None:
    from pycocotools.cocoeval import Params

    assert load_skeleton("coco-person").sigmas == pytest.approx(Params("keypoints").kpt_oks_sigmas)


def test_edges_and_symmetries_as_indices() -> None:
    assert LIZARD.edge_indices == ((0, 1), (0, 2), (0, 3))
    assert LIZARD.flip_indices == (0, 2, 1, 3)


def test_keypoints_without_measured_sigmas_get_the_default() -> None:
    assert Skeleton("worm", ("head", "tail")).sigmas == (DEFAULT_SIGMA, DEFAULT_SIGMA)


def test_plain_form_round_trip() -> None:
    assert Skeleton.from_dict(LIZARD.to_dict()) == LIZARD


@pytest.mark.parametrize("preset", PRESETS)
def test_file_round_trip(preset: str, tmp_path: Path) -> None:
    path = tmp_path / "skeleton.yaml"
    path.write_text(yaml.safe_dump(load_skeleton(preset).to_dict()), encoding="utf-8")
    assert load_skeleton(path) == load_skeleton(preset)


names = st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=12, unique=True)


@given(names, st.data())
def test_any_skeleton_survives_its_plain_form(keypoints: list[str], data: st.DataObject) -> None:
    pair = st.tuples(st.sampled_from(keypoints), st.sampled_from(keypoints))
    shuffled = data.draw(st.permutations(keypoints))
    n_pairs = data.draw(st.integers(0, len(keypoints) // 2))
    skeleton = Skeleton(
        data.draw(st.text(max_size=8)),
        tuple(keypoints),
        edges=tuple(data.draw(st.lists(pair, max_size=5))),
        symmetries=tuple((shuffled[2 * i], shuffled[2 * i + 1]) for i in range(n_pairs)),
        sigmas=tuple(data.draw(st.lists(st.floats(0.001, 1), min_size=len(keypoints), max_size=len(keypoints)))),
    )
    assert Skeleton.from_dict(skeleton.to_dict()) == skeleton
    assert [skeleton.flip_indices[i] for i in skeleton.flip_indices] == list(range(len(keypoints)))


def test_sigmas_by_name_leave_the_rest_at_the_default() -> None:
    skeleton = Skeleton.from_dict({"keypoints": ["head", "tail"], "sigmas": {"tail": 0.1}})
    assert skeleton.sigmas == (DEFAULT_SIGMA, 0.1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"keypoints": ["a", "b", "a"]}, "unique, repeated: a"),
        ({"keypoints": []}, "at least one keypoint"),
        ({"edges": [["a", "z"]]}, "names 'z'"),
        ({"edges": [["a", "b", "c"]]}, "lists of two names"),
        ({"symmetries": [["a", "z"]]}, "names 'z'"),
        ({"symmetries": [["a", "b"], ["a", "c"]]}, "one symmetric partner: a"),
        ({"symmetries": [["a", "a"]]}, "one symmetric partner: a"),
        ({"sigmas": [0.1]}, "3 keypoints but 1 sigmas"),
        ({"sigmas": [0.1, 0.1, 0]}, "positive"),
        ({"sigmas": [0.1, 0.1, float("nan")]}, "positive"),
        ({"sigmas": {"z": 0.1}}, "unknown keypoints"),
        ({"sigmas": ["x", "y", "z"]}, "not a skeleton"),
        ({"bones": []}, "unknown key 'bones'"),
        ({"keypoints": None}, "not a skeleton"),
    ],
)
def test_a_malformed_skeleton_is_refused_in_one_line(changes: dict[str, object], message: str) -> None:
    with pytest.raises(SkeletonError, match=message) as caught:
        Skeleton.from_dict({"name": "x", "keypoints": ["a", "b", "c"]} | changes, "my.yaml")
    assert "\n" not in str(caught.value)


def test_a_skeleton_without_keypoints_is_refused() -> None:
    with pytest.raises(SkeletonError, match="'keypoints'"):
        Skeleton.from_dict({"name": "x"}, "my.yaml")


@pytest.mark.parametrize("content", ["", "- a\n- b\n", "just text", "keypoints: [a, b\n", "a: b: c"])
def test_a_file_without_a_skeleton_is_refused_in_one_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / "skeleton.yaml"
    path.write_text(content)
    with pytest.raises(SkeletonError, match=r"skeleton\.yaml") as caught:
        load_skeleton(path)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "skeleton.yaml"
    path.write_bytes(b"\xff\xfe\x00\x01" * 9)
    with pytest.raises(SkeletonError, match="not valid YAML"):
        load_skeleton(path)


def test_an_unknown_preset_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SkeletonError, match="coco-person"):
        load_skeleton("no-such-animal")


@pytest.mark.parametrize(
    ("keypoints", "pairs"),
    [
        (["nose", "left_ear", "right_ear"], {("left_ear", "right_ear")}),
        (["Left ear", "Right ear"], {("Left ear", "Right ear")}),
        (["wingL", "wingR", "head"], {("wingL", "wingR")}),
        (["L_hip", "R_hip"], {("L_hip", "R_hip")}),
        (["forelegL1", "forelegR1"], {("forelegL1", "forelegR1")}),
        (["paw_l", "paw_r"], {("paw_l", "paw_r")}),
        (["ear.l.tip", "ear.r.tip"], {("ear.l.tip", "ear.r.tip")}),
        (["leftEar", "rightEar"], {("leftEar", "rightEar")}),
        (["tail", "tair"], set()),  # an l within a word is no side
        (["HALL", "HALR"], set()),
        (["left_ear", "nose"], set()),
        (["right_eye", "left_eye"], {("left_eye", "right_eye")}),
    ],
)
def test_symmetries_are_read_from_names(keypoints: list[str], pairs: set[tuple[str, str]]) -> None:
    assert set(infer_symmetries(keypoints)) == pairs


def test_labels_with_the_names_of_a_preset_get_what_it_knows() -> None:
    preset = load_skeleton("macaque")
    skeleton = infer_skeleton("mine", preset.keypoints)
    assert (skeleton.name, skeleton.edges) == ("mine", preset.edges)
    assert (skeleton.symmetries, skeleton.sigmas) == (preset.symmetries, preset.sigmas)
    own_edges = ((preset.keypoints[0], preset.keypoints[1]),)
    assert infer_skeleton("mine", preset.keypoints, own_edges).edges == own_edges


def test_labels_with_other_names_get_symmetries_by_name_and_default_sigmas() -> None:
    skeleton = infer_skeleton("fly", ["head", "wing_left", "wing_right"])
    assert skeleton.symmetries == (("wing_left", "wing_right"),)
    assert skeleton.sigmas == (DEFAULT_SIGMA,) * 3
