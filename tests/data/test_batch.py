"""Batches: stacked and padded, and the same whoever reads them and wherever a run resumes."""

import errno
from collections.abc import Callable
from dataclasses import fields

import numpy as np
import pytest
import torch

from poetlab.data.augment_settings import AugmentSettings
from poetlab.data.batch import Batch, TrainingImages, collate, image_cache, training_batches
from poetlab.data.image_cache import ImageCache
from poetlab.data.image_size import ImageSizeSettings
from poetlab.data.samples import Sample
from poetlab.labels.label_set import LabeledInstance, LabelSet
from poetlab.model.pose_vector import PoseTargets, QueryClass, unit_to_pixels

SMALL = ImageSizeSettings(short_side=(32, 64), long_side=96)
BOXED = ImageSizeSettings(letterbox=(64, 96))


@pytest.fixture
def label_sets(
    make_label_set: Callable[..., LabelSet], make_instance: Callable[..., LabeledInstance]
) -> list[LabelSet]:
    """Seven images of three sizes in two label sets, some with animals."""
    animal = make_instance((10, 20, 2), (30, 24, 2), (20, 12, 2))
    return [
        make_label_set([(48, 64), (64, 48), (48, 64), (40, 40), (48, 64)], (animal, animal), name="first"),
        make_label_set([(48, 64), (40, 40)], name="second"),
    ]


def epoch_of(label_sets: list[LabelSet], seed: int = 3, epoch: int = 0) -> TrainingImages:
    return TrainingImages(label_sets, AugmentSettings(), SMALL, seed, epoch)


def assert_equal_samples(a: Sample, b: Sample) -> None:
    for field in fields(Sample):
        assert torch.equal(getattr(a, field.name), getattr(b, field.name)), field.name


def assert_equal_batches(found: list[Batch], expected: list[Batch]) -> None:
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert torch.equal(a.images, b.images)
        assert (a.padding is None) == (b.padding is None)
        assert a.padding is None or b.padding is None or torch.equal(a.padding, b.padding)
        for field in fields(PoseTargets):
            assert torch.equal(getattr(a.targets, field.name), getattr(b.targets, field.name)), field.name


def test_a_sample_depends_on_seed_epoch_and_number_only(label_sets: list[LabelSet]) -> None:
    one, other = epoch_of(label_sets), epoch_of(label_sets)
    assert len(one) == 7
    for number in range(7):
        assert_equal_samples(one[number], other[number])
    assert_equal_samples(one[2], other[2])  # whatever was read in between


@pytest.mark.parametrize("change", [{"seed": 4}, {"epoch": 1}])
def test_another_seed_or_epoch_shows_other_images(label_sets: list[LabelSet], change: dict[str, int]) -> None:
    one, other = epoch_of(label_sets), epoch_of(label_sets, **change)
    assert sum(torch.equal(one[number].image, other[number].image) for number in range(7)) <= 1
    assert one.order() != other.order()


def test_images_of_the_same_content_are_changed_differently(make_label_set: Callable[..., LabelSet]) -> None:
    label_set = make_label_set([(48, 64)])
    repeated = TrainingImages([label_set, label_set], AugmentSettings(), SMALL, seed=0, epoch=0)
    assert not torch.equal(repeated[0].image, repeated[1].image)


def test_every_image_is_shown_once_an_epoch(label_sets: list[LabelSet]) -> None:
    images = epoch_of(label_sets)
    assert sorted(images.order()) == list(range(7))
    batches = list(training_batches(images, batch_size=3, n_workers=0))
    assert [len(batch.images) for batch in batches] == [3, 3, 1]
    shown = [images[number] for number in images.order()]
    assert_equal_batches(batches, [collate(shown[:3]), collate(shown[3:6]), collate(shown[6:])])


def test_any_number_of_workers_gives_the_same_batches(label_sets: list[LabelSet]) -> None:
    alone = list(training_batches(epoch_of(label_sets), batch_size=2, n_workers=0))
    helped = list(training_batches(epoch_of(label_sets), batch_size=2, n_workers=2))
    assert_equal_batches(helped, alone)


@pytest.mark.parametrize("skip", [0, 1, 3, 4])
def test_what_is_left_of_an_epoch_is_the_end_of_the_whole(label_sets: list[LabelSet], skip: int) -> None:
    whole = list(training_batches(epoch_of(label_sets), batch_size=2, n_workers=0))
    rest = list(training_batches(epoch_of(label_sets), batch_size=2, n_workers=0, skip=skip))
    assert len(rest) == 4 - skip
    assert_equal_batches(rest, whole[skip:])


def test_reading_images_draws_nothing_from_the_global_random_numbers(label_sets: list[LabelSet]) -> None:
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1]  # noqa: NPY002  to see it untouched
    list(training_batches(epoch_of(label_sets), batch_size=2, n_workers=0))
    assert torch.equal(torch.get_rng_state(), torch_state)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002


def sample_of(size: tuple[int, int], n_animals: int, fill: int) -> Sample:
    return Sample(
        torch.full((3, *size), fill, dtype=torch.uint8),
        torch.full((n_animals, 3, 2), 5.0),
        torch.ones(n_animals, 3, dtype=torch.bool),
        torch.full((n_animals, 4), 5.0),
        torch.ones(n_animals, 3, dtype=torch.bool),
        torch.full((n_animals,), 25.0),
        torch.ones(n_animals, 3, dtype=torch.bool),
    )


def test_smaller_images_are_padded_at_the_right_and_bottom() -> None:
    batch = collate([sample_of((4, 6), 1, fill=9), sample_of((5, 3), 2, fill=8)])
    assert batch.images.shape == (2, 3, 5, 6)
    assert batch.images.dtype == torch.uint8
    assert batch.padding is not None
    for image, padding, (height, width), fill in zip(
        batch.images, batch.padding, [(4, 6), (5, 3)], [9, 8], strict=True
    ):
        assert not padding[:height, :width].any()
        assert padding.sum() == 30 - height * width
        assert (image[:, ~padding] == fill).all()
        assert (image[:, padding] == 0).all()


def test_images_of_one_size_have_no_padding() -> None:
    assert collate([sample_of((4, 6), 1, 9), sample_of((4, 6), 0, 9)]).padding is None


def test_targets_are_in_units_of_each_image_without_its_padding() -> None:
    batch = collate([sample_of((4, 6), 1, fill=9), sample_of((8, 12), 2, fill=8)])
    assert batch.targets.classes[0].tolist() == [QueryClass.INDIVIDUAL, QueryClass.NO_OBJECT]
    for i, size in enumerate([(4, 6), (8, 12)]):
        torch.testing.assert_close(unit_to_pixels(batch.targets.centers[i, 0], size), torch.tensor([5.0, 5.0]))


def boxed_epoch_of(label_sets: list[LabelSet], cache: ImageCache | None = None, epoch: int = 0) -> TrainingImages:
    return TrainingImages(label_sets, AugmentSettings(rotation=180), BOXED, 3, epoch, cache)


def test_images_of_any_size_are_one_batch_of_letterboxes_without_padding(label_sets: list[LabelSet]) -> None:
    images = boxed_epoch_of(label_sets)
    (batch,) = training_batches(images, batch_size=7, n_workers=0)
    assert batch.images.shape == (7, 3, 64, 96)
    assert batch.padding is None
    for i, number in enumerate(images.order()):
        sample = images[number]
        assert torch.equal(batch.images[i], sample.image)
        for animal, keypoints in enumerate(sample.keypoints):
            found = unit_to_pixels(batch.targets.keypoints[i, animal], (64, 96))
            located = sample.located[animal]
            torch.testing.assert_close(found[located], keypoints[located], atol=1e-3, rtol=0)
            assert batch.targets.areas[i, animal] * 64 * 96 == pytest.approx(sample.areas[animal].item())


@pytest.mark.parametrize("megabytes", [0, 1])
@pytest.mark.parametrize("n_workers", [0, 2])
@pytest.mark.parametrize("skip", [0, 2])
def test_letterboxed_batches_do_not_depend_on_who_reads_them(
    label_sets: list[LabelSet], megabytes: int, n_workers: int, skip: int
) -> None:
    cache = image_cache(label_sets, AugmentSettings(), BOXED, megabytes)
    for epoch in range(2):
        expected = list(training_batches(boxed_epoch_of(label_sets, epoch=epoch), batch_size=2, n_workers=0))
        found = training_batches(boxed_epoch_of(label_sets, cache, epoch), batch_size=2, n_workers=n_workers, skip=skip)
        assert_equal_batches(list(found), expected[skip:])


@pytest.mark.parametrize("n_workers", [0, 2])
def test_each_file_is_read_once_where_memory_allows(label_sets: list[LabelSet], n_workers: int) -> None:
    cache = image_cache(label_sets, AugmentSettings(), BOXED, 1)
    expected = list(training_batches(boxed_epoch_of(label_sets, epoch=1), batch_size=2, n_workers=0))
    list(training_batches(boxed_epoch_of(label_sets, cache), batch_size=2, n_workers=n_workers))
    for label_set in label_sets:
        for image in label_set.images:
            label_set.image_path(image).unlink()
    found = list(training_batches(boxed_epoch_of(label_sets, cache, epoch=1), batch_size=2, n_workers=n_workers))
    assert_equal_batches(found, expected)


def test_without_a_letterbox_nothing_is_cached(label_sets: list[LabelSet]) -> None:
    assert image_cache(label_sets, AugmentSettings(), SMALL, 1000) is None


def test_without_memory_for_a_cache_files_are_read(
    label_sets: list[LabelSet], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_file: int, _length: int) -> None:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    monkeypatch.setattr("mmap.mmap", fail)
    assert image_cache(label_sets, AugmentSettings(), BOXED, 2000) is None
    assert "Cannot allocate memory" in caplog.text


def test_large_images_are_kept_no_larger_than_the_network_sees_them(make_label_set: Callable[..., LabelSet]) -> None:
    label_set = make_label_set([(240, 480), (50, 60)])
    cache = image_cache([label_set], AugmentSettings(zoom=(1, 1.25)), BOXED, 1)
    assert cache is not None
    assert cache.sizes == [(60, 120), (50, 60)]
