"""Painting one drawn lizard as a small picture with smooth edges."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from poetlab.drawn.animals import HALF_WIDTHS, SPINE, Bodies

_FINENESS = 3
"""Painted so many times larger, then reduced, for smooth edges."""

_RIM = (44, 52, 40)
_SKIN = (92, 108, 70)
_RIDGES = (((104, 122, 78), 0.74), ((120, 138, 90), 0.5), ((138, 154, 104), 0.26))
_LIMB = (84, 98, 64)
_MARKS = (58, 64, 44)
_EYE = (18, 18, 16)
_GLINT = (226, 224, 200)

_LIGHT_FROM = np.array([-0.6, -0.8])
_BANDS = np.flatnonzero((SPINE > 1.05) & (SPINE < 1.9))[::3]
_SPOTS = np.flatnonzero((SPINE > 0.4) & (SPINE < 1.0))[::3]


@dataclass(frozen=True, eq=False)
class Patch:
    """One animal's picture.

    Attributes:
        corner: (x, y) of the patch's top-left pixel in the full frame; may lie outside of it.
        image: RGB picture.
        coverage: Gray picture of the same size: how much of each pixel the animal covers (of 255).
    """

    corner: tuple[int, int]
    image: Image.Image
    coverage: Image.Image


def paint_animal(bodies: Bodies, frame: int, animal: int, shade: float) -> Patch:
    """Paint one animal as it is in one frame, `shade` times as bright as the common one."""
    spine, left, legs, eyes = (part[frame, animal] for part in (bodies.spine, bodies.left, bodies.legs, bodies.eyes))
    length = float(bodies.lengths[animal])
    points = np.concatenate([spine, legs.reshape(-1, 2)])
    margin = 0.16 * length + 2
    low = np.floor(points.min(axis=0) - margin).astype(int)
    n_columns, n_rows = (np.ceil(points.max(axis=0) + margin).astype(int) - low + 1).tolist()
    canvas = _Canvas(low, (n_columns, n_rows), length * _FINENESS, shade)
    spine, legs = canvas.place(spine), canvas.place(legs)

    for leg in legs:
        canvas.limb(leg)
    across = left * HALF_WIDTHS[:, None] * canvas.length
    canvas.body(spine, across)
    canvas.markings(spine, across)
    canvas.eyes(canvas.place(eyes))
    corner = (int(low[0]), int(low[1]))
    return Patch(corner, canvas.image.reduce(_FINENESS), canvas.coverage.reduce(_FINENESS))


class _Canvas:
    """An enlarged picture and its coverage, drawn onto together. Pixels here are the enlarged ones."""

    def __init__(self, corner: np.ndarray, size: tuple[int, int], length: float, shade: float) -> None:
        self._corner = corner
        self._shade = shade
        self.length = length
        enlarged = (size[0] * _FINENESS, size[1] * _FINENESS)
        self.image = Image.new("RGB", enlarged, self._color(_RIM))
        self.coverage = Image.new("L", enlarged)
        self._brush = ImageDraw.Draw(self.image)
        self._stencil = ImageDraw.Draw(self.coverage)

    def place(self, points: np.ndarray) -> np.ndarray:
        """Pixels of the full frame in pixels of the canvas; both count from the center of the first pixel."""
        return np.asarray((points - self._corner + 0.5) * _FINENESS - 0.5)

    def limb(self, leg: np.ndarray) -> None:
        """A leg from base over joint to paw, with toes."""
        base, joint, paw = leg
        outward = (paw - joint) / max(float(np.linalg.norm(paw - joint)), 1e-9)
        aside = np.array([-outward[1], outward[0]])
        toes = [paw + 0.085 * self.length * (outward * np.cos(a) + aside * np.sin(a)) for a in (-0.9, -0.3, 0.3, 0.9)]
        for color, rim in ((_RIM, 0.018), (_LIMB, 0.0)):
            fill = self._color(color)
            for toe in toes:
                self._stroke(paw, toe, 0.028 + rim, fill)
            self._stroke(base, joint, 0.078 + rim, fill)
            self._stroke(joint, paw, 0.06 + rim, fill)
            self._dot(joint, 0.034 + rim / 2, fill)
            self._dot(paw, 0.036 + rim / 2, fill)

    def body(self, spine: np.ndarray, across: np.ndarray) -> None:
        """Head, trunk and tail, brighter toward the back's ridge and the light."""
        self._outline(spine, across, _RIM, stencil=True)
        rim = 0.016 * self.length
        widths = np.linalg.norm(across, axis=-1, keepdims=True)
        self._outline(spine[1:], (across * np.maximum(1 - rim / widths, 0.3))[1:], _SKIN)
        for color, part in _RIDGES:
            toward_light = _LIGHT_FROM * widths * (1 - part) * 0.35
            self._outline((spine + toward_light)[1:-2], (across * part)[1:-2], color)

    def markings(self, spine: np.ndarray, across: np.ndarray) -> None:
        """Bands around the tail and pairs of spots along the back, the same for all animals."""
        for band in _BANDS:
            ends = [spine[band] + across[band] * 0.8, spine[band] - across[band] * 0.8]
            self._brush.line([*ends[0], *ends[1]], fill=self._color(_MARKS), width=self._width(0.04))
        for spot in _SPOTS:
            for side in (-0.45, 0.45):
                self._dot(spine[spot] + across[spot] * side, 0.022, self._color(_MARKS), stencil=False)

    def eyes(self, eyes: np.ndarray) -> None:
        """Two dark eyes with a glint."""
        for eye in eyes:
            self._dot(eye, 0.03, self._color(_EYE), stencil=False)
            self._dot(eye + _LIGHT_FROM * 0.012 * self.length, 0.01, self._color(_GLINT), stencil=False)

    def _color(self, color: tuple[int, int, int]) -> tuple[int, int, int]:
        red, green, blue = (min(255, round(value * self._shade)) for value in color)
        return red, green, blue

    def _width(self, body_lengths: float) -> int:
        return max(1, round(body_lengths * self.length))

    def _outline(
        self, spine: np.ndarray, across: np.ndarray, color: tuple[int, int, int], *, stencil: bool = False
    ) -> None:
        polygon = np.concatenate([spine + across, (spine - across)[::-1]]).ravel().tolist()
        self._brush.polygon(polygon, fill=self._color(color))
        if stencil:
            self._stencil.polygon(polygon, fill=255)

    def _stroke(self, start: np.ndarray, end: np.ndarray, width: float, fill: tuple[int, int, int]) -> None:
        line = [*start.tolist(), *end.tolist()]
        self._brush.line(line, fill=fill, width=self._width(width))
        self._stencil.line(line, fill=255, width=self._width(width))

    def _dot(self, center: np.ndarray, radius: float, fill: tuple[int, int, int], *, stencil: bool = True) -> None:
        reach = max(radius * self.length, 0.5)
        box = [*(center - reach).tolist(), *(center + reach).tolist()]
        self._brush.ellipse(box, fill=fill)
        if stencil:
            self._stencil.ellipse(box, fill=255)
