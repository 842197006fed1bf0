"""Label sets of a project split anew, and without what nobody has confirmed."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from poetlab.errors import LabelError
from poetlab.labels.confirmed import confirmed_only
from poetlab.labels.label_set import LabeledImage, LabeledInstance, LabelSet
from poetlab.labels.provenance import Provenance
from poetlab.labels.split_file import SplitFile
from poetlab.labels.splitting import restore_splits, split_label_sets, split_rows
from poetlab.skeleton import Skeleton

ANIMAL = LabeledInstance(np.array([[3.0, 4.0, 2.0]]), (3, 4, 1, 1), 1)


def make_set(name: str, *files: str, **changes) -> LabelSet:
    images = tuple(LabeledImage(file, (48, 64), (ANIMAL,), "train", **changes) for file in files)
    return LabelSet(name, Skeleton("s", ("a",)), images, "given", Path(name) / "images")


def splits(label_sets) -> dict:
    return dict(split_rows(label_sets))


def test_a_video_of_two_label_sets_is_one_and_a_folder_of_equal_name_is_not() -> None:
    one = make_set("one", *(f"{n}.png" for n in range(20)), video="cam.mp4")
    two = make_set("two", *(f"{n}.png" for n in range(20)), video="cam.mp4")
    other = make_set("other", *(f"cam.mp4/{n}.png" for n in range(10)))
    drawn, rule = split_label_sets([one, two, other], "video", 0.2)
    assert rule == "by video"
    assert {split for label_set in drawn[:2] for _, split in split_rows([label_set])} == {"train"}
    assert {split for _, split in split_rows(drawn[2:])} == {"val"}


def test_an_earlier_draw_stays_when_labels_are_added() -> None:
    first = [make_set(name, *(f"v/{n}.png" for n in range(9))) for name in "ab"]
    before = splits(split_label_sets(first, "video", 0.3)[0])
    assert set(before.values()) == {"train", "val"}
    earlier = SplitFile(Path("split-video.csv"), before)
    added = [make_set(name, *(f"v/{n}.png" for n in range(5))) for name in "cdefgh"]
    after = splits(split_label_sets([*first, *added], "video", 0.3, earlier)[0])
    assert before.items() <= after.items()


def test_what_the_source_or_user_has_split_stays_but_for_a_file() -> None:
    given = make_set("given", "a.png", "b.png", is_split_given=True)
    other = make_set("other", "c.png", "d.png")
    drawn = splits(split_label_sets([given, other], "frame", 0.99)[0])
    assert (drawn["given/a.png"], drawn["given/b.png"]) == ("train", "train")
    file = SplitFile(Path("my.csv"), {"given": "val"})
    drawn, rule = split_label_sets([given, other], file, 0.5)
    assert [split for _, split in split_rows(drawn)] == ["val", "val", "train", "train"]
    assert rule == "as my.csv says"


def test_a_file_with_a_wrong_name_is_refused() -> None:
    with pytest.raises(LabelError, match="'givn' is no video, folder or image of these labels; did you mean 'given'"):
        split_label_sets([make_set("given", "a.png")], SplitFile(Path("my.csv"), {"givn": "val"}), 0.5)


def test_splits_are_restored_by_name() -> None:
    label_sets = [make_set("one", "a.png", "b.png"), make_set("two", "a.png")]
    restored = restore_splits(label_sets, SplitFile(Path("split.csv"), {"one/a.png": "val", "gone/a.png": "val"}))
    assert splits(restored) == {"one/a.png": "val", "one/b.png": "train", "two/a.png": "train"}


def test_images_with_predictions_that_nobody_confirmed_are_left_out_with_a_warning(caplog) -> None:
    label_set = make_set("mice", "a.png", "b.png", "c.png")
    makers = ("model", "corrected", "human")
    made = [replace(ANIMAL, provenance=Provenance(made_by)) for made_by in makers]
    images = [replace(image, instances=(ANIMAL, one)) for image, one in zip(label_set.images, made, strict=True)]
    with caplog.at_level(logging.WARNING):
        (kept,) = confirmed_only([replace(label_set, images=tuple(images))])
    assert [image.file_name for image in kept.images] == ["b.png", "c.png"]
    (record,) = caplog.records
    assert record.getMessage().startswith("mice: 1 of its 3 images are left out, because nobody has confirmed")
    assert "(1 animals)" in record.getMessage()
    caplog.clear()
    assert confirmed_only([label_set]) == [label_set]
    assert caplog.records == []
