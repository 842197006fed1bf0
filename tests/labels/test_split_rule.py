"""Drawing splits by video, by frame, or as a file says."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poetlab.errors import LabelError
from poetlab.labels.split_file import SplitFile
from poetlab.labels.split_rule import (
    BY_FRAME,
    BY_VIDEO,
    NO_VIDEOS,
    ONE_VIDEO,
    DrawnSplit,
    SplitItem,
    apply_split_rule,
    read_split_rule,
)


def item(key: str, group: str | None = None, split: str | None = None, *, is_labeled: bool = True) -> SplitItem:
    return SplitItem(key, group, is_labeled, split, (key, group))


def videos(**sizes: int) -> list[SplitItem]:
    return [item(f"{video}/{number}", video) for video, size in sizes.items() for number in range(size)]


def keep(items: list[SplitItem], drawn: DrawnSplit) -> list[SplitItem]:
    return [entry._replace(split=drawn.splits[entry.key]) for entry in items]


groups = st.lists(st.tuples(st.sampled_from([None, "a", "b", "c", "d"]), st.booleans()), max_size=25)
fractions = st.floats(0, 1)


def items_of(entries: list[tuple[str | None, bool]], start: int = 0) -> list[SplitItem]:
    return [item(f"{start + n}", group, is_labeled=labeled) for n, (group, labeled) in enumerate(entries)]


@given(entries=groups, added=groups, fraction=fractions, by=st.sampled_from(["video", "frame"]))
def test_labels_that_are_added_move_no_image(entries, added, fraction: float, by: str) -> None:
    items = items_of(entries)
    before = apply_split_rule(items, by, fraction)
    after = apply_split_rule([*keep(items, before), *items_of(added, len(items))], by, fraction)
    assert {key: after.splits[key] for key in before.splits} == before.splits
    assert len(after.splits) == len(entries) + len(added)


@given(entries=groups, fraction=fractions)
def test_the_images_of_a_video_stay_together(entries, fraction: float) -> None:
    items = items_of(entries)
    drawn = apply_split_rule(items, "video", fraction)
    by_video = {}
    for entry in items:
        by_video.setdefault(entry.group, set()).add(drawn.splits[entry.key])
    by_video.pop(None, None)
    if drawn.rule == BY_VIDEO:
        assert all(len(splits) == 1 for splits in by_video.values())
    else:
        assert len({entry.group for entry in items}) <= 1


@given(entries=groups, added=groups, fraction=st.floats(0.01, 0.99))
def test_new_images_follow_their_video(entries, added, fraction: float) -> None:
    items = [entry for entry in items_of(entries) if entry.group]
    before = apply_split_rule(items, "video", fraction)
    new = items_of(added, len(entries))
    after = apply_split_rule([*keep(items, before), *new], "video", fraction)
    if before.rule == after.rule == BY_VIDEO:
        known = {entry.group: before.splits[entry.key] for entry in items}
        assert all(after.splits[entry.key] == known[entry.group] for entry in new if entry.group in known)


def test_the_part_of_validation_images_is_near_the_fraction() -> None:
    items = videos(**{f"v{number}": 10 + number % 7 for number in range(40)})
    drawn = apply_split_rule(items, "video", 0.2)
    share = sum(split == "val" for split in drawn.splits.values()) / len(items)
    assert share == pytest.approx(0.2, abs=16 / 2 / len(items) + 1e-9)  # half of the largest video


def test_two_videos_have_one_split_each_and_the_smaller_one_validates() -> None:
    drawn = apply_split_rule(videos(a=10, b=30), "video", 0.1)
    assert {key[0]: split for key, split in drawn.splits.items()} == {"a": "val", "b": "train"}
    drawn = apply_split_rule(videos(a=10, b=30), "video", 0.9)
    assert set(drawn.splits.values()) == {"train", "val"}


def test_the_rule_is_said_in_words() -> None:
    assert apply_split_rule(videos(a=9, b=9), "video", 0.2).rule == BY_VIDEO
    assert apply_split_rule(videos(a=9, b=9), "frame", 0.2).rule == BY_FRAME
    assert apply_split_rule([item("1"), item("2")], "video", 0.2).rule == NO_VIDEOS
    one = apply_split_rule(videos(a=9), "video", 0.2)
    assert one.rule == ONE_VIDEO
    assert set(one.splits.values()) == {"train", "val"}
    assert apply_split_rule(keep(videos(a=9), one), "video", 0.2).rule is None


def test_frames_of_a_video_that_another_label_set_has_go_where_they_are_there() -> None:
    drawn = apply_split_rule(videos(a=9), "video", 0.2, {"a": "val"})
    assert set(drawn.splits.values()) == {"val"}
    assert set(apply_split_rule(videos(a=9), "video", 0, {"a": "val"}).splits.values()) == {"train"}


def test_a_fraction_of_all_or_nothing_is_the_users_word() -> None:
    items = [*videos(a=3), item("0", "b", "val")]
    assert apply_split_rule(items, "video", 0).given == {"a/0", "a/1", "a/2"}
    assert apply_split_rule(items, "frame", 1).given == {"a/0", "a/1", "a/2"}
    assert apply_split_rule(items, "frame", 0.5).given == set()


def test_a_file_counts_more_than_what_was_and_the_rest_is_drawn() -> None:
    file = SplitFile(Path("split.csv"), {"a": "val", "b/1": "train"})
    items = [item("a/0", "a", "train"), item("b/1", "b", "val"), item("b/2", "b", "val"), *videos(c=3)]
    drawn = apply_split_rule(items, file, 0.5)
    assert (drawn.splits["a/0"], drawn.splits["b/1"], drawn.splits["b/2"]) == ("val", "train", "val")
    assert drawn.given == {"a/0", "b/1"}
    assert drawn.rule == f"as split.csv says; 3 that it does not name: {BY_VIDEO}"


def test_a_file_that_names_nothing_that_is_there_is_refused() -> None:
    with pytest.raises(LabelError, match=r"split\.csv: names none of these images, such as 'a/0'"):
        apply_split_rule(videos(a=3), SplitFile(Path("split.csv"), {"b": "val"}), 0.2)


def test_rules_are_words_and_files(tmp_path: Path) -> None:
    (tmp_path / "my.csv").write_text("name,split\na,val\n")
    assert read_split_rule("video") == "video"
    assert read_split_rule("frame") == "frame"
    assert read_split_rule("my.csv", [tmp_path / "nowhere", tmp_path]) == SplitFile(tmp_path / "my.csv", {"a": "val"})
    with pytest.raises(LabelError, match="'videos' is no way to split: give video, frame, or a CSV file"):
        read_split_rule("videos")
