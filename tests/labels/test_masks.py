"""Boxes and areas of masks, against counting pixels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageDraw
from pycocotools import mask as coco_mask

from poetlab.labels.masks import mask_area, mask_bbox


def uncompressed(pixels: np.ndarray) -> dict:
    """Run lengths of a boolean (height, width) mask, column by column, beginning with zeros."""
    flat = np.concatenate([[False], pixels.ravel(order="F")])
    changes = np.flatnonzero(np.diff(flat)).tolist()
    counts = np.diff([0, *changes, pixels.size]).tolist()
    return {"size": list(pixels.shape), "counts": counts}


def compressed(pixels: np.ndarray) -> dict:
    run_lengths = coco_mask.encode(np.asfortranarray(pixels.astype(np.uint8)))
    return {"size": run_lengths["size"], "counts": run_lengths["counts"].decode()}


@pytest.mark.parametrize("encode", [uncompressed, compressed])
@given(pixels=arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_run_lengths_are_counted_in_pixels(encode, pixels: np.ndarray) -> None:
    area, bbox = mask_area(encode(pixels)), mask_bbox(encode(pixels))
    if not pixels.any():
        assert (area, bbox) == (None, None)
        return
    rows, columns = np.nonzero(pixels)
    assert area == pixels.sum()
    extent = (np.ptp(columns) + 1, np.ptp(rows) + 1)
    assert bbox == (columns.min(), rows.min(), *extent)


def test_the_area_of_a_polygon_is_that_of_its_pixels() -> None:
    angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    radii = 60 + 25 * np.sin(5 * angles)
    vertices = np.stack([100 + radii * np.cos(angles), 100 + radii * np.sin(angles)], axis=1)
    scale = 16
    canvas = Image.new("1", (200 * scale, 200 * scale))
    ImageDraw.Draw(canvas).polygon([tuple(vertex) for vertex in vertices * scale], fill=1)
    drawn = np.count_nonzero(np.asarray(canvas)) / scale**2
    assert mask_area([vertices.ravel().tolist()]) == pytest.approx(drawn, rel=0.005)
    x, y, width, height = mask_bbox([vertices.ravel().tolist()])
    np.testing.assert_allclose([x, y, x + width, y + height], [*vertices.min(axis=0), *vertices.max(axis=0)])


def test_the_direction_of_a_polygon_does_not_matter() -> None:
    assert mask_area([[0, 0, 4, 0, 4, 3, 0, 3]]) == mask_area([[0, 3, 4, 3, 4, 0, 0, 0]]) == 12


def test_parts_of_an_occluded_animal_have_one_box_and_the_sum_of_their_areas() -> None:
    parts = [[0, 0, 2, 0, 2, 2, 0, 2], [], [10, 10, 13, 10, 13, 11, 10, 11]]
    assert mask_area(parts) == 4 + 3
    assert mask_bbox(parts) == (0, 0, 13, 11)


def test_one_flat_list_of_numbers_is_one_polygon() -> None:
    assert mask_area([0, 0, 4, 0, 4, 3, 0, 3]) == 12
    assert mask_bbox([0, 0, 4, 0, 4, 3, 0, 3]) == (0, 0, 4, 3)


@pytest.mark.parametrize("empty", [[], [[]], [[], []], [[5, 5]], [[5, 5, 9, 5]]])
def test_an_empty_or_flat_mask_has_no_box_and_no_area(empty: list) -> None:
    assert mask_area(empty) is None
    assert mask_bbox(empty) is None


@pytest.mark.parametrize(
    "malformed",
    [
        [[0, 0, 4]],
        [[0, 0, float("nan"), 0, 4, 4]],
        {"size": [4, 4]},
        {"counts": [16]},
        {"size": [4, 4], "counts": [3, 4]},
        {"size": [4, 4], "counts": [-1, 17]},
        {"size": [4, 4], "counts": ""},
        {"size": [4, 4], "counts": "PPPP"},
        {"size": [4, 4], "counts": "\u00e9"},
        {"size": [4, 4], "counts": "0ooo0"},
    ],
)
def test_a_malformed_mask_is_refused(malformed) -> None:
    for measure in (mask_area, mask_bbox):
        with pytest.raises(ValueError, match=r"polygon|run lengths"):
            measure(malformed)
