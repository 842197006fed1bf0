"""Poses drawn into images."""

import numpy as np
import pytest

from poetlab.rendering.colors import individual_colors
from poetlab.rendering.drawing import draw_instances
from poetlab.skeleton import Skeleton

SKELETON = Skeleton("stick", ("top", "bottom"), (("top", "bottom"),))
NO_EDGES = Skeleton("dots", ("top", "bottom"))
RED = (255, 0, 0)


def gray(height: int = 200, width: int = 300) -> np.ndarray:
    return np.full((height, width, 3), 128, np.uint8)


def draw(
    points: list[list[float]],
    visibility: tuple[float, float] = (1.0, 1.0),
    skeleton: Skeleton = SKELETON,
    label: str | None = None,
    image: np.ndarray | None = None,
) -> np.ndarray:
    labels = None if label is None else [label]
    picture = gray() if image is None else image
    return draw_instances(picture, np.array([points]), np.array([visibility]), skeleton, [RED], labels=labels)


def changed(image: np.ndarray) -> np.ndarray:
    return (image != 128).any(axis=-1)


def redness(image: np.ndarray) -> np.ndarray:
    return image[..., 0].astype(float) - image[..., 1]


def test_the_result_is_a_new_image():
    image = gray()
    drawn = draw([[50, 60], [200, 100]], image=image)
    assert (image == 128).all()
    assert drawn.shape == image.shape
    assert drawn.dtype == np.uint8
    drawn[0, 0] = 0  # and it can be written to


@pytest.mark.parametrize(("place", "tolerance"), [((50.0, 60.0), 0.03), ((50.5, 60.3), 0.2), ((50.25, 60.75), 0.2)])
def test_a_dot_is_centered_on_its_keypoint(place: tuple[float, float], tolerance: float):
    red = redness(draw([[*place], [np.nan, np.nan]]))
    y, x = np.indices(red.shape)
    center = (x * red).sum() / red.sum(), (y * red).sum() / red.sum()
    np.testing.assert_allclose(center, place, rtol=0, atol=tolerance)


def test_dots_have_the_individuals_color():
    keypoints = np.array([[[50, 60], [50, 100]], [[150, 60], [150, 100]]], float)
    colors = individual_colors(2)
    drawn = draw_instances(gray(), keypoints, np.ones((2, 2)), SKELETON, colors)
    for points, color in zip(keypoints.astype(int), colors, strict=True):
        for x, y in points:
            assert tuple(drawn[y, x]) == color


def test_edges_are_drawn_between_present_keypoints_only():
    np.testing.assert_allclose(draw([[50, 60], [250, 60]])[60, 150], RED, atol=12)  # such a thin line covers 95%
    assert not changed(draw([[50, 60], [250, 60]], skeleton=NO_EDGES))[60, 150]
    assert not changed(draw([[50, 60], [np.nan, np.nan]]))[:, 100:].any()


@pytest.mark.parametrize("likelihood", [0.0, 0.1, 0.4, 0.5, 0.9, 1.0])
def test_likelihood_is_opacity(likelihood: float):
    image = gray(600, 900)
    drawn = draw([[100, 300], [800, 300]], visibility=(likelihood, 1.0), image=image).astype(float)
    expected = 128 + likelihood * (np.array(RED) - 128)
    np.testing.assert_allclose(drawn[300, 100], expected, atol=1)  # its dot
    np.testing.assert_allclose(drawn[300, 450], expected, atol=1)  # the line to the surer one
    np.testing.assert_array_equal(drawn[300, 800], RED)


def test_poses_beyond_all_bounds_do_no_harm():
    assert changed(draw([[150, 100], [1e9, -1e9]])).any()
    assert not changed(draw([[-1e9, 1e9], [1e9, 1e9]])).any()


def test_nothing_is_drawn_for_nothing():
    nothing = np.full((2, 2), np.nan).tolist()
    assert not changed(draw(nothing, label="absent")).any()
    empty = draw_instances(gray(), np.zeros((0, 2, 2)), np.zeros((0, 2)), SKELETON, [])
    assert not changed(empty).any()


def test_poses_may_leave_the_image():
    assert changed(draw([[-20, 60], [50, 60]], label="leaving"))[60, 0]
    assert not changed(draw([[-200, 60], [-100, 60]])).any()


def test_strokes_grow_with_the_image():
    points = np.array([[0.2, 0.2], [0.8, 0.8]])
    shares = [
        changed(draw((points * size).tolist(), image=gray(size, size))).mean() * size for size in (300, 600, 1200)
    ]
    assert shares[0] < 0.7 * shares[1] < 0.5 * shares[2]


def test_a_label_stands_above_its_animal_and_inside_the_image():
    without = draw([[150, 100], [150, 150]])
    drawn = (draw([[150, 100], [150, 150]], label="mouse 0.98") != without).any(axis=-1)
    rows, columns = np.nonzero(drawn)
    assert rows.min() > 60
    assert rows.max() < 100
    assert abs(columns.mean() - 150) < 10
    at_corner = (draw([[299, 0], [299, 50]], label="mouse 0.98") != draw([[299, 0], [299, 50]])).any(axis=-1)
    assert at_corner.sum() > 0.8 * drawn.sum()
