"""Drawing splits by video, by frame, or as a file says."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poetlab.errors import LabelError
from poetlab.labels.known_splits import KnownSplits
from poetlab.labels.label_set import Split
from poetlab.labels.split_file import SplitFile
from poetlab.labels.split_rule import (
    BY_FRAME,
    BY_VIDEO,
    MIXED_VIDEO,
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
    elsewhere = KnownSplits({"a": "val"})
    drawn = apply_split_rule(videos(a=9), "video", 0.2, elsewhere)
    assert set(drawn.splits.values()) == {"val"}
    assert set(apply_split_rule(videos(a=9), "video", 0, elsewhere).splits.values()) == {"train"}


def test_the_only_video_of_a_label_set_stays_whole_where_the_project_has_others() -> None:
    """As where each video is labeled and imported by itself; together they come near the fraction."""
    n_drawn: dict[Split, int] = {"train": 80, "val": 20}
    for number in range(6):
        drawn = apply_split_rule(videos(a=100), "video", 0.2, KnownSplits({"v": None}, n_drawn=dict(n_drawn)))
        assert drawn.rule == BY_VIDEO
        (split,) = set(drawn.splits.values())
        n_drawn[split] += 100
        again = apply_split_rule(
            [*keep(videos(a=100), drawn), item(f"new{number}", "a")], "video", 0.2, KnownSplits({"v": None})
        )
        assert again.splits["a/0"] == split
    assert n_drawn == {"train": 580, "val": 120}
    assert apply_split_rule(videos(a=9), "video", 0.2, KnownSplits(n_drawn={"train": 9, "val": 0})).rule == ONE_VIDEO


def test_new_frames_of_a_whole_video_follow_it() -> None:
    elsewhere = KnownSplits({"v": None}, n_drawn={"train": 80, "val": 20})
    items = [*(entry._replace(split="train") for entry in videos(a=3)), item("new", "a")]
    drawn = apply_split_rule(items, "video", 0.2, elsewhere)
    assert (drawn.splits["new"], drawn.rule) == ("train", BY_VIDEO)


def test_frames_of_a_video_that_is_in_both_splits_are_split_one_by_one() -> None:
    drawn = apply_split_rule(videos(a=20), "video", 0.3, KnownSplits({"a": None}))
    assert drawn.rule == MIXED_VIDEO
    assert set(drawn.splits.values()) == {"train", "val"}
    drawn = apply_split_rule(videos(a=20, b=5), "video", 0.3, KnownSplits({"a": None}))
    assert {split for key, split in drawn.splits.items() if key.startswith("a")} == {"train", "val"}
    assert len({split for key, split in drawn.splits.items() if key.startswith("b")}) == 1


@given(
    numbers=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5)), min_size=1, max_size=30),
    known=st.dictionaries(
        st.tuples(st.sampled_from("abc"), st.integers(0, 5)), st.sampled_from(["train", "val"]), max_size=9
    ),
    by=st.sampled_from(["video", "frame"]),
)
def test_a_frame_that_is_there_twice_is_never_in_both_splits(numbers, known, by: str) -> None:
    videos_elsewhere: dict[str, Split | None] = {}
    for (video, _), split in known.items():
        if videos_elsewhere.setdefault(video, split) != split:
            videos_elsewhere[video] = None
    items = [item(f"{place}.png", video)._replace(frame=frame) for place, (video, frame) in enumerate(numbers)]
    drawn = apply_split_rule(items, by, 0.4, KnownSplits(videos_elsewhere, known))
    seen = dict(known)
    for entry in items:
        assert seen.setdefault((entry.group, entry.frame), drawn.splits[entry.key]) == drawn.splits[entry.key]


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
