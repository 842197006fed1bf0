"""Splits as files."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poetlab.errors import LabelError
from poetlab.labels.split_file import names_of, read_split_file, write_split_file

printable = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1).filter(
    lambda t: t == t.strip()
)


@given(splits=st.dictionaries(printable, st.sampled_from(["train", "val"]), max_size=8))
def test_what_is_written_is_read(splits: dict) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "split.csv"
        write_split_file(path, list(splits.items()))
        assert read_split_file(path).splits == splits


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "its first line must be 'name,split'"),
        ("video,split\n", "its first line must be 'name,split'"),
        ("name,split\na,test\n", "line 2: is not NAME,train or NAME,val"),
        ("name,split\na\n", "line 2: is not NAME,train or NAME,val"),
        ("name,split\na,val,x\n", "line 2: is not NAME,train"),
        ("name,split\na,val\na,train\n", "line 3: 'a' has both splits"),
    ],
)
def test_files_of_another_form_are_refused(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "split.csv").write_text(content)
    with pytest.raises(LabelError, match=words):
        read_split_file(tmp_path / "split.csv")


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "split.csv").write_bytes(b"\xff\xfe\x00name")
    with pytest.raises(LabelError, match="cannot be read as a split"):
        read_split_file(tmp_path / "split.csv")


def test_the_most_exact_name_counts(tmp_path: Path) -> None:
    (tmp_path / "split.csv").write_text("name,split\nmice,train\nclip1,val\nclip1/2.png,train\nday/cam.mp4,val\n")
    file = read_split_file(tmp_path / "split.csv")
    assert file.of(names_of("mice", "clip1/1.png", None)) == "val"
    assert file.of(names_of("mice", "clip1/2.png", None)) == "train"
    assert file.of(names_of("mice", "x/3.png", "day/cam.mp4")) == "val"
    assert file.of(names_of("mice", "x/3.png", "cam.mp4")) == "train"
    assert file.of(names_of("rats", "x/3.png", None)) is None


def test_an_unknown_name_is_refused_with_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "split.csv").write_text("name,split\nclip1,val\nclp2,val\n")
    with pytest.raises(
        LabelError, match=r"'clp2' is no video, folder or image of these labels; did you mean 'clip2'\?"
    ):
        read_split_file(tmp_path / "split.csv").refuse_unknown(["clip1", "clip2", None])
