"""Frames that are there twice, in one split and across the splits."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from poetlab.checking.copies import repeated_pictures
from poetlab.checking.finding import Severity
from poetlab.checking.pictures import read_pictures, same_pixels
from poetlab.drawn.animals import LIZARD
from poetlab.drawn.scene import draw_shot
from poetlab.labels.complete import keypoint_bbox
from poetlab.labels.label_set import LabeledImage, LabeledInstance, LabelSet

Find = Callable[..., Any]


@pytest.fixture
def labels(drawn: LabelSet, tmp_path: Path) -> LabelSet:
    """The drawn labels with images of their own, and all of them for training."""
    for image in drawn.images:
        (tmp_path / image.file_name).write_bytes(drawn.image_path(image).read_bytes())
    images = tuple(replace(image, split="train") for image in drawn.images)
    return replace(drawn, images=images, images_dir=tmp_path)


def with_copy(labels: LabelSet, write: Callable[[Image.Image, Path], None], **changes: Any) -> LabelSet:
    """The labels and, last, a copy of the fourth image, with the same labels."""
    image = labels.images[3]
    assert image.instances
    with Image.open(labels.image_path(image)) as opened:
        write(opened, labels.images_dir / "copy.png")
    return replace(labels, images=(*labels.images, replace(image, file_name="copy.png", **changes)))


def as_it_is(image: Image.Image, path: Path) -> None:
    path.write_bytes(Path(image.filename).read_bytes())  # type: ignore[attr-defined]


def in_another_form(image: Image.Image, path: Path) -> None:
    image.convert("RGBA").save(path, compress_level=9)


def with_noise(image: Image.Image, path: Path) -> None:
    pixels = np.asarray(image) + np.random.default_rng(0).normal(0, 4, (*image.size[::-1], 3))
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(path)


@pytest.mark.parametrize("write", [as_it_is, in_another_form])
def test_the_same_picture_twice_is_a_warning(labels: LabelSet, find: Find, write: Callable[..., None]):
    (finding,) = find(with_copy(labels, write), "duplicates", read_images=True)
    assert finding.severity is Severity.WARNING
    assert finding.place.image == "copy.png"
    assert finding.other.image == labels.images[3].file_name
    assert finding.what == f"this image and {labels.images[3].file_name} show the same picture"
    assert find(with_copy(labels, write), "leaks", read_images=True) == []


def test_the_same_picture_with_other_labels_is_said_so(labels: LabelSet, find: Find):
    animal = labels.images[3].instances[0]
    other = (replace(animal, keypoints=animal.keypoints + np.array([9, 9, 0])),)
    (finding,) = find(with_copy(labels, as_it_is, instances=other), "duplicates", read_images=True)
    assert finding.what.endswith("show the same picture, but are labeled differently")


def test_nearly_the_same_picture_is_a_note(labels: LabelSet, find: Find):
    (finding,) = find(with_copy(labels, with_noise), "duplicates", read_images=True)
    assert finding.severity is Severity.NOTE


@pytest.mark.parametrize(
    ("write", "severity"),
    [(as_it_is, Severity.ERROR), (in_another_form, Severity.ERROR), (with_noise, Severity.WARNING)],
)
def test_a_copy_in_the_other_split_leaks(labels: LabelSet, find: Find, write: Callable[..., None], severity: Severity):
    copied = with_copy(labels, write, split="val")
    (finding,) = find(copied, "leaks", read_images=True)
    assert finding.severity is severity
    assert finding.what.startswith(f"this image (val) and {labels.images[3].file_name} (train)")
    assert find(copied, "duplicates", read_images=True) == []


def test_a_copy_in_another_label_set_leaks(labels: LabelSet, find: Find):
    other = replace(labels, name="other", images=(replace(labels.images[3], split="val"),))
    (finding,) = find([labels, other], "leaks", read_images=True)
    assert (finding.place.label_set, finding.other.label_set) == ("other", "drawn")
    assert f"drawn/{labels.images[3].file_name} (train)" in finding.what


def test_one_frame_of_a_video_twice_is_known_without_the_images(labels: LabelSet, find: Find):
    images = [replace(image, video="a.mp4", frame=number) for number, image in enumerate(labels.images)]
    images[7] = replace(images[7], frame=2, split="val")
    images[8] = replace(images[8], video="b.mp4", frame=2)
    spoiled = replace(labels, images=tuple(images))
    for read_images in (False, True):
        (finding,) = find(spoiled, "leaks", read_images=read_images)
        assert (finding.place.image, finding.other.image) == (images[7].file_name, images[2].file_name)
        assert "are the same frame of a video" in finding.what
    other_video = replace(labels, name="other", images=(replace(images[9], frame=1, split="val"),))
    assert find([replace(labels, images=tuple(images[:5])), other_video], "leaks") == []


def test_one_frame_in_two_label_sets_is_known_by_number_and_look(labels: LabelSet, find: Find):
    """Two people have labeled it differently, and each has compressed it anew."""
    noisy = with_copy(labels, with_noise, split="val")
    frame = {"video": "a.mp4", "frame": 5}
    other = replace(noisy, name="other", images=(replace(noisy.images[-1], instances=(), **frame),))
    first = replace(labels, images=(replace(labels.images[3], **frame), labels.images[4]))
    (finding,) = find([first, other], "leaks", read_images=True)
    assert "are the same frame of a video" in finding.what
    unnumbered = replace(other, images=(replace(other.images[0], frame=6),))
    assert find([first, unnumbered], "leaks", read_images=True) == []


def test_animals_that_moved_before_one_ground_are_no_copies(tmp_path: Path, find: Find):
    """Frames of one video, in which a small animal walks: their thumbnails differ by hardly anything."""
    images = []
    shot = draw_shot(np.random.default_rng(3), n_frames=120, n_animals=1, size=(256, 256))
    for number, picture in enumerate(shot):
        if number % 12:
            continue
        small = Image.fromarray(picture.image).resize((40, 40))
        whole = Image.new("RGB", (640, 640), (90, 90, 90))
        whole.paste(small, (300, 300))
        whole.save(tmp_path / f"{number}.png")
        keypoints = picture.keypoints[0] * [40 / 256, 40 / 256, 1] + [300, 300, 0]
        box = keypoint_bbox(keypoints)
        assert box is not None
        instance = LabeledInstance(keypoints, box, box[2] * box[3])
        images.append(LabeledImage(f"{number}.png", (640, 640), (instance,), "train"))
    labels = LabelSet("walk", LIZARD, tuple(images), "", tmp_path)
    assert find(labels, "duplicates", read_images=True) == []
    images = [replace(image, instances=images[0].instances) for image in images]
    same_labels = find(replace(labels, images=tuple(images)), "duplicates", read_images=True)
    assert same_labels  # so the labels are what told them apart


def test_near_pictures_are_those_that_a_comparison_of_all_finds(tmp_path: Path, drawn: LabelSet):
    random = np.random.default_rng(5)
    images, pixels = [], []
    for number in range(60):
        base = pixels[int(random.integers(len(pixels)))] if number % 3 == 2 else random.integers(0, 255, (32, 32))
        pixels.append(np.clip(base + random.normal(0, 0.3 * (number % 5), (32, 32)), 0, 255).astype(np.uint8))
        Image.fromarray(pixels[-1]).save(tmp_path / f"{number}.png")
        images.append(replace(drawn.images[3], file_name=f"{number}.png", size=(32, 32)))
    labels = replace(drawn, images=tuple(images), images_dir=tmp_path)
    found = {int(Path(copy.image.file_name).stem) for copy in repeated_pictures(read_pictures([labels]))}
    thumbnails = np.array(pixels, np.float64).reshape(60, -1)
    originals: list[int] = []
    for number, thumbnail in enumerate(thumbnails):
        if not any(np.sqrt(((thumbnail - thumbnails[other]) ** 2).mean()) <= 1.5 for other in originals):
            originals.append(number)
    assert found == set(range(60)) - set(originals)
    assert 5 < len(found) < 20


def test_every_one_of_many_copies_is_found(labels: LabelSet, find: Find):
    """More than there are neighbors to look at, each in a file of its own."""
    image = labels.images[3]
    with Image.open(labels.image_path(image)) as opened:
        pixels = opened.copy()
    for number in range(30):
        pixels.save(labels.images_dir / f"{number}.png", compress_level=number % 10, dpi=(number + 1, 72))
    copies = tuple(replace(image, file_name=f"{number}.png") for number in range(30))
    findings = find(replace(labels, images=(*labels.images, *copies)), "duplicates", read_images=True)
    assert len(findings) == 30
    assert {finding.other.image for finding in findings} == {image.file_name}
    assert {finding.severity for finding in findings} == {Severity.WARNING}


@pytest.mark.parametrize(
    ("modes", "are_same"),
    [("L RGB", True), ("P P", True), ("L LA", True), ("I;16 I;16", True), ("F F", True), ("L F", False)],
)
def test_pixels_are_compared_across_forms(tmp_path: Path, modes: str, are_same: bool):
    gray = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8))
    paths = [tmp_path / f"{number}.tif" for number in range(2)]
    for path, mode in zip(paths, modes.split(), strict=True):
        gray.convert(mode).save(path)
    assert same_pixels(*paths) is are_same
    Image.new(modes.split(maxsplit=1)[0], (8, 8)).save(paths[1])
    assert not same_pixels(*paths)
    Image.new(modes.split(maxsplit=1)[0], (9, 8)).save(paths[1])
    assert not same_pixels(*paths)


@pytest.mark.parametrize("mode", ["I;16", "P", "LA", "L"])
def test_images_of_every_kind_have_thumbnails(tmp_path: Path, drawn: LabelSet, mode: str):
    gray = np.arange(64, dtype=np.uint8).reshape(8, 8) * 3
    deep = Image.fromarray(gray.astype(np.uint16) * 256)
    picture = deep if mode == "I;16" else Image.fromarray(gray).convert(mode)
    picture.save(tmp_path / "a.png")
    labels = replace(drawn, images=(replace(drawn.images[0], file_name="a.png", size=(8, 8)),), images_dir=tmp_path)
    pictures = read_pictures([labels])
    assert pictures.problems == {}
    thumbnail = pictures.thumbnails[0].reshape(32, 32).astype(int)
    np.testing.assert_allclose(thumbnail[2::4, 2::4], gray, atol=2)
