"""A picture sheet of findings: each with its animal, what is wrong with it, and where."""

import textwrap
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from poetlab.checking.finding import Finding, Place, Severity
from poetlab.data.samples import read_image
from poetlab.errors import LabelError
from poetlab.files import whole_file
from poetlab.labels.label_set import LabeledImage, LabeledInstance, LabelSet
from poetlab.labels.masks import mask_polygons
from poetlab.rendering.colors import PALETTE, Color
from poetlab.rendering.drawing import draw_instances

_PICTURE = 320
"""Pixels of the side of a finding's picture."""
_CAPTION_LINES = 5
_LINE_HEIGHT = 15
_GAP = 12
_COLUMNS = 4
_CHARACTERS = 50
_MARGIN = 0.25
"""Of the animal's extent, shown around it."""
_LEAST_MARGIN = 8
_MOST_NAMES = 6
_GROUND = (255, 255, 255)
_TEXT = (20, 20, 20)
_MARK: Color = (255, 40, 40)
_NO_PICTURE: Color = (225, 225, 225)
_SEVERITY_COLORS: dict[Severity, Color] = {
    Severity.ERROR: (190, 0, 0),
    Severity.WARNING: (170, 95, 0),
    Severity.NOTE: (0, 90, 160),
}


def draw_sheet(findings: Sequence[Finding], label_sets: Sequence[LabelSet], path: Path) -> int:
    """Draw findings that have a picture, in their order.

    The meant keypoints are ringed in red and named. A box or mask that is meant is drawn in red, too. Two images that
    repeat each other are both there.

    Args:
        findings: What to draw.
        label_sets: The label sets that they are of.
        path: PNG to write or replace.

    Returns:
        How many were drawn; if none, no file is written.

    Raises:
        OSError: If the file cannot be written.
    """
    images = _Images(label_sets)
    shown = [finding for finding in findings if finding.place.image is not None]
    if not shown:
        return 0
    height = _PICTURE + _CAPTION_LINES * _LINE_HEIGHT + _GAP
    columns = min(_COLUMNS, len(shown))
    n_rows = -(-len(shown) // columns)
    sheet = Image.new("RGB", (columns * (_PICTURE + _GAP) + _GAP, n_rows * height + _GAP), _GROUND)
    for number, finding in enumerate(shown):
        row, column = divmod(number, columns)
        left, top = column * (_PICTURE + _GAP) + _GAP, row * height + _GAP
        sheet.paste(_picture(finding, images), (left, top))
        _write_caption(sheet, finding, (left, top + _PICTURE + 3))
    with whole_file(path) as partial:
        sheet.save(partial, format="PNG")
    return len(shown)


class _Images:
    """The images of label sets by name."""

    def __init__(self, label_sets: Sequence[LabelSet]) -> None:
        self._label_sets = {label_set.name: label_set for label_set in label_sets}
        self._images = {
            (label_set.name, image.file_name): image for label_set in label_sets for image in label_set.images
        }

    def find(self, place: Place) -> tuple[LabelSet, LabeledImage]:
        """The label set and image of a place that has both."""
        return self._label_sets[str(place.label_set)], self._images[str(place.label_set), str(place.image)]


def _picture(finding: Finding, images: _Images) -> Image.Image:
    """A square picture: what is meant, or halves of it for two images."""
    square = (_PICTURE, _PICTURE)
    if finding.other is None:
        return _drawn(finding.place, images, square, with_outline=finding.check == "outlines")
    half = (_PICTURE, _PICTURE // 2 - 1)
    both = Image.new("RGB", square, _GROUND)
    both.paste(_drawn(finding.place, images, half), (0, 0))
    both.paste(_drawn(finding.other, images, half), (0, _PICTURE - half[1]))
    return both


def _drawn(place: Place, images: _Images, size: tuple[int, int], *, with_outline: bool = False) -> Image.Image:
    """An image with its animals, or the part of it around the one that is meant, on a ground of (width, height)."""
    label_set, image = images.find(place)
    ground = Image.new("RGB", size, _NO_PICTURE)
    try:
        pixels = read_image(label_set.image_path(image))
    except LabelError:
        return ground
    left, top, right, bottom = _window(image, place)
    scale = min(size[0] / (right - left), size[1] / (bottom - top))
    shape = max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale))
    part = Image.fromarray(pixels).resize(shape, Image.Resampling.BILINEAR, box=(left, top, right, bottom))
    keypoints = np.array([instance.keypoints for instance in image.instances])
    keypoints = keypoints.reshape(-1, label_set.skeleton.n_keypoints, 3)
    points = (keypoints[..., :2] + 0.5 - [left, top]) * scale - 0.5
    colors = [PALETTE[number % len(PALETTE)] for number in range(len(points))]
    part = Image.fromarray(
        draw_instances(np.asarray(part), points, np.minimum(keypoints[..., 2], 1), label_set.skeleton, colors)
    )
    if place.instance is not None:
        if with_outline:
            _outline(part, image.instances[place.instance], (left, top), scale)
        _mark(part, points[place.instance], place, label_set)
    ground.paste(part, ((size[0] - shape[0]) // 2, (size[1] - shape[1]) // 2))
    return ground


def _window(image: LabeledImage, place: Place) -> tuple[float, float, float, float]:
    """Left, top, right and bottom edge of what is to be seen, within the image."""
    height, width = image.size
    if place.instance is None:
        return 0, 0, width, height
    instance = image.instances[place.instance]
    x, y, box_width, box_height = instance.bbox
    points = np.concatenate([instance.keypoints[:, :2], [[x, y], [x + box_width, y + box_height]]])
    low, high = np.nanmin(points, axis=0), np.nanmax(points, axis=0)
    margin = max(_LEAST_MARGIN, _MARGIN * float((high - low).max()))
    limits = np.array([width, height])
    low, high = np.clip(low - margin, 0, limits - 1), np.clip(high + margin, 1, limits)
    high = np.maximum(high, low + 1)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _outline(picture: Image.Image, instance: LabeledInstance, corner: tuple[float, float], scale: float) -> None:
    """Draw an animal's box, and its mask where that is polygons."""
    drawing = ImageDraw.Draw(picture)
    x, y, width, height = instance.bbox
    outlines = [np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]])]
    if isinstance(instance.segmentation, list):
        with suppress(ValueError):  # a malformed mask is not drawn
            outlines += mask_polygons(instance.segmentation)
    for vertices in outlines:
        closed = (np.concatenate([vertices, vertices[:1]]) + 0.5 - corner) * scale - 0.5
        drawing.line([(float(at[0]), float(at[1])) for at in closed], fill=_MARK, width=1)


def _mark(picture: Image.Image, points: np.ndarray, place: Place, label_set: LabelSet) -> None:
    """Ring the keypoints that are meant, and write their names beside them."""
    drawing, font = ImageDraw.Draw(picture), ImageFont.load_default(12)
    for name in place.keypoints:
        x, y = points[label_set.skeleton.keypoints.index(name)]
        if not np.isfinite([x, y]).all():
            continue
        x, y = float(np.clip(x, 0, picture.width - 1)), float(np.clip(y, 0, picture.height - 1))
        drawing.ellipse((x - 6, y - 6, x + 6, y + 6), outline=_MARK, width=2)
        if len(place.keypoints) <= _MOST_NAMES:
            left = min(x + 8, picture.width - drawing.textlength(name, font=font) - 1)
            drawing.text((max(0, left), y - 7), name, font=font, fill=_MARK, stroke_width=2, stroke_fill=_GROUND)


def _write_caption(sheet: Image.Image, finding: Finding, corner: tuple[int, int]) -> None:
    """Write check and severity, then the image, then what is wrong, each cut to what there is room for."""
    drawing, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    place = finding.place
    animal = "" if place.instance is None else f" animal {place.individual or place.instance}"
    where = f"{place.label_set}/{place.image}{animal}"
    if len(where) > _CHARACTERS:
        where = "…" + where[1 - _CHARACTERS :]
    lines = [where, *textwrap.wrap(finding.what, _CHARACTERS)]
    if len(lines) >= _CAPTION_LINES:
        lines = [*lines[: _CAPTION_LINES - 2], lines[_CAPTION_LINES - 2][:-1] + "…"]
    x, y = corner
    drawing.text(
        (x, y), f"{finding.severity.value}: {finding.check}", font=font, fill=_SEVERITY_COLORS[finding.severity]
    )
    for number, line in enumerate(lines, start=1):
        drawing.text((x, y + number * _LINE_HEIGHT), line, font=font, fill=_TEXT)
