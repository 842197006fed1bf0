"""What other label sets say of the split."""

from pathlib import Path

import pytest

from poetlab.labels.known_splits import known_splits
from poetlab.labels.label_set import LabeledImage, LabelSet, Split
from poetlab.skeleton import Skeleton


def image(video: str | None, frame: int | None, split: Split, *, is_given: bool = False) -> LabeledImage:
    name = f"{video}_{frame}.png".replace("/", "_")
    return LabeledImage(name, (48, 64), (), split, video=video, frame=frame, is_split_given=is_given)


def label_set(*images: LabeledImage) -> LabelSet:
    return LabelSet("mice", Skeleton("s", ("a",)), images, "given", Path("mice") / "images")


def test_whole_and_mixed_videos_and_each_frame() -> None:
    one = label_set(image("a.mp4", 1, "train"), image("a.mp4", 2, "train"), image("b.mp4", 1, "val"))
    other = label_set(image("a.mp4", 3, "val"), image(None, None, "val"), image("c.mp4", None, "train"))
    known = known_splits([one, other])
    assert known.whole_videos == {"b.mp4": "val", "c.mp4": "train"}
    assert known.mixed_videos == {"a.mp4"}
    assert known.frames == {("a.mp4", 1): "train", ("a.mp4", 2): "train", ("a.mp4", 3): "val", ("b.mp4", 1): "val"}


@pytest.mark.parametrize("name", ["day1/cam.mp4", "day1-cam.mp4"])
def test_a_video_has_one_name_whichever_way_labels_write_its_folder(name: str) -> None:
    assert known_splits([label_set(image(name, 4, "val"))]).frames == {("day1-cam.mp4", 4): "val"}


def test_only_splits_that_were_drawn_are_counted() -> None:
    given = label_set(image("a.mp4", 1, "val", is_given=True), image("b.mp4", 1, "train", is_given=True))
    drawn = label_set(image("c.mp4", 1, "train"), image("c.mp4", 2, "train"))
    known = known_splits([given, drawn])
    assert known.n_drawn == {"train": 2, "val": 0}
    assert not known.has_both
    assert known_splits([drawn, label_set(image("d.mp4", 1, "val"))]).has_both
