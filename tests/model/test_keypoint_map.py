"""A keypoint map is followed exactly, and everything wrong with one is said in one line."""

from pathlib import Path

import pytest

from poetlab.errors import SkeletonError
from poetlab.model.keypoint_map import match_keypoints, read_keypoint_map

PROJECT = ("snout", "left_ear", "tail", "7")
PRETRAINED = ("nose", "left_ear", "right_ear", "tail")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "map.yaml"


def origins(file: Path, text: str) -> dict[str, str | None]:
    file.write_text(text, encoding="utf-8")
    return match_keypoints(PROJECT, PRETRAINED, read_keypoint_map(file, PROJECT))


def message_of(file: Path, text: str) -> str:
    with pytest.raises(SkeletonError) as caught:
        origins(file, text)
    message = str(caught.value)
    assert message.startswith(f"{file}: ")
    assert "\n" not in message
    return message


def test_without_a_map_equal_names_match() -> None:
    expected = {"snout": None, "left_ear": "left_ear", "tail": "tail", "7": None}
    found = match_keypoints(PROJECT, PRETRAINED)
    assert found == expected
    assert list(found) == list(PROJECT)
    assert match_keypoints(PROJECT, ()) == dict.fromkeys(PROJECT)


def test_entries_come_before_equal_names_and_null_means_new(file: Path) -> None:
    found = origins(file, "tail: null\nleft_ear: right_ear\nsnout: nose\n")
    assert found == {"snout": "nose", "left_ear": "right_ear", "tail": None, "7": None}
    assert list(found) == list(PROJECT), "in the order of the project, not of the file"


def test_several_keypoints_may_have_the_same_origin(file: Path) -> None:
    found = origins(file, "snout: nose\n7: nose\n")
    assert found == {"snout": "nose", "left_ear": "left_ear", "tail": "tail", "7": "nose"}


def test_an_empty_mapping_says_nothing(file: Path) -> None:
    assert origins(file, "{}") == match_keypoints(PROJECT, PRETRAINED)


def test_a_map_can_be_given_as_a_mapping() -> None:
    said = read_keypoint_map({"snout": "nose", "tail": None}, PROJECT)
    assert match_keypoints(PROJECT, PRETRAINED, said)["snout"] == "nose"
    with pytest.raises(SkeletonError, match=r"^keypoint_map: 'snot' is no keypoint of this project; .* 'snout'"):
        read_keypoint_map({"snot": "nose"}, PROJECT)


def test_unknown_names_are_told_with_the_nearest(file: Path) -> None:
    assert "'snot' is no keypoint of this project; the nearest is 'snout'" in message_of(file, "snot: nose\n")
    unknown = message_of(file, "snout: noose\n")
    assert "'noose' is no keypoint of the pretrained network; the nearest is 'nose'" in unknown
    assert "the nearest is '" in message_of(file, "snout: zzz\n"), "however far"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not a mapping of keypoint names"),
        ("- snout\n- nose\n", "not a mapping of keypoint names"),
        ("nose", "not a mapping of keypoint names"),
        ("snout: [nose]\n", r"expected the name of a keypoint, found ['nose']"),
        ("snout: {nose: 1}\n", "expected the name of a keypoint, found {'nose': 1}"),
        ("snout: yes\n", "expected the name of a keypoint, found True"),
        ("no: nose\n", "expected the name of a keypoint, found False"),
        ("null: nose\n", "expected the name of a keypoint, found None"),
        ("snout: 2020-01-01\n", "expected the name of a keypoint, found datetime.date(2020, 1, 1)"),
        ("snout: [\n", "not valid YAML"),
        ("snout: 2020-99-99\n", "not valid YAML"),
        ("[snout, tail]: nose\n", "not valid YAML"),
        ("!!python/object/apply:os.getcwd []\n", "not valid YAML"),
        ("[" * 10_000, "not valid YAML"),
        ("snout: nose\ntail: null\nsnout: tail\n", "'snout' stands in lines 1 and 3"),
    ],
)
def test_what_is_no_keypoint_map_is_refused(file: Path, text: str, words: str) -> None:
    assert words in message_of(file, text)


def test_a_file_that_cannot_be_read(file: Path, tmp_path: Path) -> None:
    with pytest.raises(SkeletonError, match=r"map\.yaml: cannot be read \(No such file or directory\)"):
        read_keypoint_map(file, PROJECT)
    with pytest.raises(SkeletonError, match=r"cannot be read \(Is a directory\)"):
        read_keypoint_map(tmp_path, PROJECT)
    file.write_bytes(b"snout: \xff\xfe\n")
    with pytest.raises(SkeletonError, match=r"map\.yaml: not valid YAML .*utf-8"):
        read_keypoint_map(file, PROJECT)
