"""The pose vector: encoding, decoding, coordinates, targets and transfer by keypoint name."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from poetlab.model.pose_vector import (
    PosePrediction,
    PoseTargets,
    QueryClass,
    copy_keypoint_rows,
    decode_vectors,
    encode_targets,
    encode_vectors,
    pixels_to_unit,
    scores_from_logits,
    stack_targets,
    unit_to_pixels,
    vector_size,
)

SIZE = (48, 64)


def test_a_vector_is_a_center_and_three_numbers_a_keypoint() -> None:
    poses = decode_vectors(torch.tensor([0.25, 0.5, 0.5, 0.75, 0.9, 0.0, 1.0, 0.1]))
    torch.testing.assert_close(poses.centers, torch.tensor([0.25, 0.5]))
    torch.testing.assert_close(poses.offsets, torch.tensor([[0.0, 0.5], [-1.0, 1.0]]))
    torch.testing.assert_close(poses.visibility, torch.tensor([0.9, 0.1]))
    torch.testing.assert_close(poses.keypoints, torch.tensor([[0.25, 1.0], [-0.75, 1.5]]))


@given(st.integers(1, 20), st.lists(st.integers(1, 4), max_size=3), st.integers(0, 99))
def test_vectors_survive_decoding_and_encoding(n_keypoints: int, leading: list[int], seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    vectors = torch.rand(*leading, vector_size(n_keypoints), generator=random)
    poses = decode_vectors(vectors)
    assert poses.offsets.shape == (*leading, n_keypoints, 2)
    torch.testing.assert_close(encode_vectors(poses), vectors, atol=1e-6, rtol=0)


@given(st.integers(1, 20), st.integers(0, 99))
def test_poses_survive_encoding_and_decoding(n_keypoints: int, seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    poses = PosePrediction(
        centers=torch.rand(3, 2, generator=random),
        offsets=2 * torch.rand(3, n_keypoints, 2, generator=random) - 1,
        visibility=torch.rand(3, n_keypoints, generator=random),
    )
    decoded = decode_vectors(encode_vectors(poses))
    torch.testing.assert_close(decoded.centers, poses.centers)
    torch.testing.assert_close(decoded.offsets, poses.offsets, atol=1e-6, rtol=0)
    torch.testing.assert_close(decoded.visibility, poses.visibility)


sizes = st.tuples(st.integers(1, 5000), st.integers(1, 5000))
coordinate = st.floats(-10_000, 10_000)


@given(coordinate, coordinate, sizes)
def test_pixels_survive_image_units(x: float, y: float, size: tuple[int, int]) -> None:
    points = torch.tensor([x, y], dtype=torch.float64)
    torch.testing.assert_close(unit_to_pixels(pixels_to_unit(points, size), size), points, atol=1e-8, rtol=0)


@given(st.floats(-2, 2), st.floats(-2, 2), sizes)
def test_image_units_survive_pixels(x: float, y: float, size: tuple[int, int]) -> None:
    points = torch.tensor([x, y], dtype=torch.float64)
    torch.testing.assert_close(pixels_to_unit(unit_to_pixels(points, size), size), points, atol=1e-8, rtol=0)


def test_units_reach_from_outer_edge_to_outer_edge() -> None:
    corners = torch.tensor([[-0.5, -0.5], [63.5, 47.5], [0.0, 0.0], [31.5, 23.5]])
    expected = torch.tensor([[0.0, 0.0], [1.0, 1.0], [0.5 / 64, 0.5 / 48], [0.5, 0.5]])
    torch.testing.assert_close(pixels_to_unit(corners, SIZE), expected)


@pytest.fixture
def targets() -> PoseTargets:
    """Three animals: wholly visible, partly, and not at all."""
    keypoints = torch.tensor(
        [[[10.0, 20], [30, 24], [20, 10]], [[0, 40], [8, 42], [9e9, 9e9]], [[5, 5], [6, 6], [7, 7]]]
    )
    keypoints[1, 2] = torch.nan
    visible = torch.tensor([[True, True, True], [True, True, False], [False, False, False]])
    bboxes = torch.tensor([[0.0, 0, 60, 40], [0, 30, 20, 10], [10, 20, 20, 8]])
    return encode_targets(keypoints, visible, bboxes, SIZE)


def test_the_center_is_the_mean_of_visible_keypoints_or_the_middle_of_the_box(targets: PoseTargets) -> None:
    expected = torch.tensor([[20.0, 18.0], [4.0, 41.0], [20.0, 24.0]])
    torch.testing.assert_close(unit_to_pixels(targets.centers[0], SIZE), expected)


def test_an_animal_without_visible_keypoints_is_of_its_own_class(targets: PoseTargets) -> None:
    assert targets.classes.tolist() == [[QueryClass.INDIVIDUAL, QueryClass.INDIVIDUAL, QueryClass.UNLABELED]]
    assert targets.present.all()


def test_targets_give_the_visible_keypoints_back(targets: PoseTargets) -> None:
    pixels = unit_to_pixels(targets.keypoints[0], SIZE)
    torch.testing.assert_close(pixels[0], torch.tensor([[10.0, 20], [30, 24], [20, 10]]))
    torch.testing.assert_close(pixels[1, :2], torch.tensor([[0.0, 40], [8, 42]]))


def test_what_is_not_visible_has_no_influence(targets: PoseTargets) -> None:
    assert (targets.offsets[~targets.visible] == 0).all()
    assert targets.centers.isfinite().all()
    torch.testing.assert_close(targets.offsets[0, 1].sum(0), torch.zeros(2), atol=1e-7, rtol=0)


def test_occluded_keypoints_keep_their_places_and_change_nothing_else() -> None:
    keypoints = torch.tensor([[[10.0, 20], [30, 24], [50, 44]], [[5, 5], [6, 6], [7, 7]]])
    visible = torch.tensor([[True, True, False], [False, False, False]])
    located = torch.tensor([[True, True, True], [False, True, False]])
    bboxes = torch.tensor([[0.0, 0, 60, 40], [10, 20, 20, 8]])
    plain = encode_targets(keypoints, visible, bboxes, SIZE)
    found = encode_targets(keypoints, visible, bboxes, SIZE, located=located, areas=torch.tensor([900.0, 30.0]))
    for field in ("classes", "centers", "visible"):
        assert torch.equal(getattr(found, field), getattr(plain, field))
    assert torch.equal(found.offsets[visible[None]], plain.offsets[visible[None]])
    torch.testing.assert_close(unit_to_pixels(found.keypoints, SIZE)[0][located], keypoints[located])
    assert (found.offsets[~found.located] == 0).all()
    torch.testing.assert_close(found.areas, torch.tensor([[900.0, 30.0]]) / (SIZE[0] * SIZE[1]))
    torch.testing.assert_close(plain.areas, torch.tensor([[2400.0, 160.0]]) / (SIZE[0] * SIZE[1]))


def test_an_image_without_animals_has_empty_targets() -> None:
    empty = encode_targets(torch.zeros(0, 3, 2), torch.zeros(0, 3, dtype=torch.bool), torch.zeros(0, 4), SIZE)
    assert empty.classes.shape == (1, 0)
    assert empty.offsets.shape == (1, 0, 3, 2)


def test_a_batch_is_padded_to_the_most_animals(targets: PoseTargets) -> None:
    one = encode_targets(torch.ones(1, 3, 2), torch.ones(1, 3, dtype=torch.bool), torch.ones(1, 4), SIZE)
    none = encode_targets(torch.zeros(0, 3, 2), torch.zeros(0, 3, dtype=torch.bool), torch.zeros(0, 4), SIZE)
    batch = stack_targets([one, none, targets])
    assert batch.present.tolist() == [[True, False, False], [False] * 3, [True] * 3]
    for field in ("classes", "centers", "offsets", "visible", "located", "areas"):
        torch.testing.assert_close(getattr(batch, field)[2:], getattr(targets, field))
        torch.testing.assert_close(getattr(batch, field)[:1, :1], getattr(one, field))
    assert not batch.visible[~batch.present].any()
    assert not batch.located[~batch.present].any()
    assert (batch.areas[~batch.present] == 1).all()


def test_a_batch_without_animals_has_one_place_of_padding() -> None:
    none = encode_targets(torch.zeros(0, 3, 2), torch.zeros(0, 3, dtype=torch.bool), torch.zeros(0, 4), SIZE)
    batch = stack_targets([none, none])
    assert batch.classes.tolist() == [[QueryClass.NO_OBJECT], [QueryClass.NO_OBJECT]]
    assert batch.visible.shape == (2, 1, 3)


def test_rows_are_copied_by_keypoint_name_and_are_zero_without_one() -> None:
    source = torch.arange(float(vector_size(3)))
    rows = copy_keypoint_rows(source, ["nose", "ear", "tail"], ["tail", None, "nose", "tail"])
    assert rows[:2].tolist() == [0, 1]
    assert rows[2:].view(4, 3).tolist() == [[8, 9, 10], [0, 0, 0], [2, 3, 4], [8, 9, 10]]
    rows.zero_()
    assert source.tolist() == list(range(vector_size(3))), "the argument is not changed"


def test_rows_keep_their_other_dimensions_and_type() -> None:
    source = torch.rand(vector_size(2), 5, dtype=torch.float64)
    rows = copy_keypoint_rows(source, ["nose", "ear"], [None, "nose"])
    assert (rows.shape, rows.dtype) == ((vector_size(2), 5), torch.float64)
    assert torch.equal(rows[5:], source[2:5])


def test_the_score_is_the_larger_probability_of_being_an_animal() -> None:
    probabilities = torch.tensor([[0.1, 0.7, 0.2], [0.5, 0.1, 0.4], [0.05, 0.05, 0.9]])
    torch.testing.assert_close(scores_from_logits(probabilities.log()), torch.tensor([0.7, 0.5, 0.05]))
