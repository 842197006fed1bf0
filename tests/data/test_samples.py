"""Reading one labeled image: exact pixels, honest labels, and errors in one line."""

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from poetlab.data.image_size import ImageSizeSettings
from poetlab.data.samples import label_targets, read_image, read_sample
from poetlab.errors import LabelError
from poetlab.labels.label_set import LabeledInstance, LabelSet
from poetlab.model.pose_vector import PoseTargets, QueryClass, unit_to_pixels

NAN = float("nan")


def test_pixels_are_those_of_the_file(make_label_set: Callable[..., LabelSet]) -> None:
    label_set = make_label_set([(48, 64), (20, 30)])
    sample = read_sample(label_set, 1)
    expected = np.random.default_rng(1).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    assert sample.size == (20, 30)
    assert sample.image.dtype == torch.uint8
    np.testing.assert_array_equal(sample.image.permute(1, 2, 0).numpy(), expected)


def test_labels_are_those_of_the_image(
    make_label_set: Callable[..., LabelSet], make_instance: Callable[..., LabeledInstance]
) -> None:
    instance = make_instance((10, 20, 2), (30, 24, 1), (NAN, NAN, 0))
    sample = read_sample(make_label_set([(48, 64)], (instance,)), 0)
    assert sample.visible.tolist() == [[True, False, False]]
    assert sample.located.tolist() == [[True, True, False]]
    assert sample.keypoints.tolist() == [[[10, 20], [30, 24], [0, 0]]]
    assert sample.bboxes.tolist() == [[4, 6, 30, 20]]
    assert sample.areas.tolist() == [instance.area] == [600]


def test_crowd_regions_are_no_animals(
    make_label_set: Callable[..., LabelSet], make_instance: Callable[..., LabeledInstance]
) -> None:
    crowd = make_instance(*[(NAN, NAN, 0)] * 3, is_crowd=True)
    animal = make_instance((1, 2, 2), (3, 4, 2), (5, 6, 2))
    assert read_sample(make_label_set([(48, 64)], (crowd, animal, crowd)), 0).keypoints.tolist() == [
        [[1, 2], [3, 4], [5, 6]]
    ]


def test_an_image_without_animals_is_a_sample(make_label_set: Callable[..., LabelSet]) -> None:
    sample = read_sample(make_label_set([(48, 64)]), 0)
    assert sample.keypoints.shape == (0, 3, 2)
    assert sample.visible.shape == (0, 3)
    assert sample.bboxes.shape == (0, 4)
    assert sample.located.shape == (0, 3)
    assert sample.areas.shape == (0,)
    assert sample.targets().classes.shape == (1, 0)


def test_targets_are_in_units_of_the_image(
    make_label_set: Callable[..., LabelSet], make_instance: Callable[..., LabeledInstance]
) -> None:
    seen = make_instance((10, 20, 2), (30, 24, 2), (NAN, NAN, 0))
    unseen = make_instance((10, 20, 1), (NAN, NAN, 0), (NAN, NAN, 0))
    targets = read_sample(make_label_set([(48, 64)], (seen, unseen)), 0).targets()
    assert targets.classes.tolist() == [[QueryClass.INDIVIDUAL, QueryClass.UNLABELED]]
    centers = unit_to_pixels(targets.centers[0], (48, 64))
    torch.testing.assert_close(centers, torch.tensor([[20.0, 22.0], [19.0, 16.0]]))
    torch.testing.assert_close(targets.areas, torch.full((1, 2), 600 / (48 * 64)))


def test_targets_of_occluded_keypoints_have_their_places_and_do_not_move_the_center(
    make_label_set: Callable[..., LabelSet], make_instance: Callable[..., LabeledInstance]
) -> None:
    animal = make_instance((10, 20, 2), (30, 24, 2), (50, 44, 1))
    targets = read_sample(make_label_set([(48, 64)], (animal,)), 0).targets()
    torch.testing.assert_close(unit_to_pixels(targets.centers[0], (48, 64)), torch.tensor([[20.0, 22.0]]))
    assert targets.located.tolist() == [[[True, True, True]]]
    assert targets.visible.tolist() == [[[True, True, False]]]
    expected = torch.tensor([[[10.0, 20.0], [30.0, 24.0], [50.0, 44.0]]])
    torch.testing.assert_close(unit_to_pixels(targets.keypoints[0], (48, 64)), expected)


@pytest.mark.parametrize("letterbox", [None, (96, 64)])
def test_targets_of_labels_are_those_of_what_the_network_sees(
    make_label_set: Callable[..., LabelSet],
    make_instance: Callable[..., LabeledInstance],
    letterbox: tuple[int, int] | None,
) -> None:
    label_set = make_label_set([(48, 64)], (make_instance((10, 20, 2), (30, 24, 1), (NAN, NAN, 0)),))
    image_size = ImageSizeSettings(letterbox=letterbox)
    found = label_targets(label_set.images[0], 3, image_size)
    sample = read_sample(label_set, 0)
    height, width = letterbox or sample.size
    padded = replace(sample, image=torch.nn.functional.pad(sample.image, (0, width - 64, 0, height - 48)))
    for field in fields(PoseTargets):  # the letterbox is as wide as the image, so it only adds rows
        torch.testing.assert_close(getattr(found, field.name), getattr(padded.targets(), field.name))


def refused(label_set: LabelSet) -> str:
    with pytest.raises(LabelError) as caught:
        read_sample(label_set, 0)
    assert "\n" not in str(caught.value)
    assert str(label_set.image_path(label_set.images[0])) in str(caught.value)
    return str(caught.value)


def test_an_image_of_another_size_than_its_labels_is_refused(make_label_set: Callable[..., LabelSet]) -> None:
    label_set = make_label_set([(48, 64)])
    turned = replace(label_set, images=(replace(label_set.images[0], size=(64, 48)),))
    assert "is 64 x 48 pixels but was 48 x 64" in refused(turned)


def test_a_missing_image_is_refused(make_label_set: Callable[..., LabelSet]) -> None:
    label_set = make_label_set([(48, 64)])
    label_set.image_path(label_set.images[0]).unlink()
    assert "missing" in refused(label_set)


@pytest.mark.filterwarnings("ignore:Truncated File Read")  # Pillow's own note
@pytest.mark.parametrize("kind", ["png", "jpg", "bmp", "tif", "gif", "webp"])
@pytest.mark.parametrize("part", [0.0, 0.01, 0.5, 0.9])
def test_a_truncated_image_is_refused(tmp_path: Path, kind: str, part: float) -> None:
    path = tmp_path / f"image.{kind}"
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    path.write_bytes(path.read_bytes()[: int(part * path.stat().st_size)])
    with pytest.raises(LabelError, match="cannot be read") as caught:
        read_image(path)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_image_is_refused(tmp_path: Path) -> None:
    (tmp_path / "image.png").write_text("not an image")
    with pytest.raises(LabelError, match="cannot be read"):
        read_image(tmp_path / "image.png")
    with pytest.raises(LabelError, match="cannot be read"):
        read_image(tmp_path)


def test_gray_images_become_rgb(tmp_path: Path) -> None:
    gray = np.random.default_rng(0).integers(0, 256, (8, 9), dtype=np.uint8)
    Image.fromarray(gray).save(tmp_path / "gray.png")
    np.testing.assert_array_equal(read_image(tmp_path / "gray.png"), np.repeat(gray[..., None], 3, axis=2))


@pytest.mark.parametrize("kind", ["png", "tif"])
def test_gray_images_of_16_bits_keep_their_upper_8(tmp_path: Path, kind: str) -> None:
    gray = np.random.default_rng(0).integers(0, 65536, (8, 9), dtype=np.uint16)
    Image.fromarray(gray).save(tmp_path / f"gray.{kind}")
    expected = (gray // 256).astype(np.uint8)
    np.testing.assert_array_equal(read_image(tmp_path / f"gray.{kind}"), np.repeat(expected[..., None], 3, axis=2))


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_gray_images_of_32_bits_are_refused(tmp_path: Path, dtype: type) -> None:
    Image.fromarray(np.linspace(0, 1e6, 72).reshape(8, 9).astype(dtype)).save(tmp_path / "gray.tif")
    with pytest.raises(LabelError, match=r"gray\.tif: the image cannot be read .*32 bits"):
        read_image(tmp_path / "gray.tif")


def test_transparency_is_left_out(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 9, 4), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "rgba.png")
    np.testing.assert_array_equal(read_image(tmp_path / "rgba.png"), pixels[..., :3])


def test_colors_of_a_palette_with_transparency_are_read(tmp_path: Path) -> None:
    image = Image.fromarray(np.random.default_rng(0).integers(0, 4, (8, 9), dtype=np.uint8), mode=None).convert("P")
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 8, 7])
    expected = np.array(image.convert("RGB"))
    image.save(tmp_path / "palette.png", transparency=b"\x00\x80\xff\xff")
    np.testing.assert_array_equal(read_image(tmp_path / "palette.png"), expected)
