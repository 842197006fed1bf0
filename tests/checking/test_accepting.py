"""The ids of findings, and the list of those that are accepted."""

from dataclasses import replace
from pathlib import Path

import pytest

from poetlab.checking.accepting import finding_ids, read_accepted, write_accepted
from poetlab.checking.finding import Finding, Place, Severity
from poetlab.errors import LabelError
from poetlab.labels.label_set import LabelSet


@pytest.fixture
def image_number(drawn: LabelSet) -> int:
    """An image with two animals or more."""
    return next(number for number, image in enumerate(drawn.images) if len(image.instances) > 1)


def made(drawn: LabelSet, number: int, instance: int | None, check: str = "bones", what: str = "long") -> Finding:
    return Finding(check, Severity.WARNING, Place(drawn.name, drawn.images[number].file_name, instance), what, "look")


def changed(drawn: LabelSet, number: int, instances: tuple) -> LabelSet:
    image = replace(drawn.images[number], instances=instances)
    return replace(drawn, images=(*drawn.images[:number], image, *drawn.images[number + 1 :]))


def test_an_id_stays_as_long_as_the_animal_does(drawn: LabelSet, image_number: int) -> None:
    first, second, *others = drawn.images[image_number].instances
    (name,) = finding_ids([made(drawn, image_number, 0)], [drawn])
    assert finding_ids([made(drawn, image_number, 0, what="longer")], [drawn]) == [name]
    assert finding_ids([made(drawn, image_number, 1)], [drawn]) != [name]
    assert finding_ids([made(drawn, image_number, 0, "left-right")], [drawn]) != [name]
    turned = changed(drawn, image_number, (second, first, *others))
    assert finding_ids([made(drawn, image_number, 1)], [turned]) == [name]
    keypoints = first.keypoints.copy()
    keypoints[0, 0] += 0.5
    moved = changed(drawn, image_number, (replace(first, keypoints=keypoints), second, *others))
    assert finding_ids([made(drawn, image_number, 0)], [moved]) != [name]


def test_an_id_without_an_animal_changes_with_their_number(drawn: LabelSet, image_number: int) -> None:
    (name,) = finding_ids([made(drawn, image_number, None, "neighbors")], [drawn])
    fewer = changed(drawn, image_number, drawn.images[image_number].instances[1:])
    assert finding_ids([made(drawn, image_number, None, "neighbors")], [fewer]) != [name]
    rare = Finding("rare", Severity.WARNING, Place(keypoints=("snout",)), "rare", "label more")
    assert finding_ids([rare], [drawn]) == finding_ids([rare], [fewer])


def test_no_two_findings_share_an_id(drawn: LabelSet, image_number: int) -> None:
    first, *_ = drawn.images[image_number].instances
    same = changed(drawn, image_number, (first, first, first))
    names = finding_ids([made(drawn, image_number, number, "repeated") for number in (1, 2)], [same])
    assert len(set(names)) == 2


def test_the_list_comes_back_and_can_be_edited(tmp_path: Path) -> None:
    path = tmp_path / "check_accepted.yaml"
    assert read_accepted(path) == {}
    accepted = {"bcdfghjk": "bones: a: b #c: é", "zzzzzzzz": "x" * 300}
    write_accepted(path, accepted)
    assert read_accepted(path) == accepted
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 4, "one line a finding, so that one can be deleted"
    path.write_text("\n".join(lines[:2]), encoding="utf-8")
    assert read_accepted(path) == {}


@pytest.mark.parametrize("content", ["- a", "a: 1", "1: a", "a: [", "text"])
def test_a_list_of_another_form_is_refused_in_one_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / "check_accepted.yaml"
    path.write_text(content)
    with pytest.raises(LabelError, match=r"check_accepted\.yaml: ") as caught:
        read_accepted(path)
    assert "\n" not in str(caught.value)
