"""Several drawn animals on a ground, upper ones hiding lower ones, with all that is true of the picture."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from poetlab.drawn.animals import bodies_on
from poetlab.drawn.background import draw_ground, draw_light
from poetlab.drawn.motion import wander
from poetlab.drawn.painting import Patch, paint_animal
from poetlab.drawn.scenario import Scenario

_SHADOW = (38, 32, 24)
_SHADOW_STRENGTH = 0.4


@dataclass(frozen=True, eq=False)
class Picture:
    """A drawn picture and its truth; the animal axis is the identity and stays the same throughout a shot.

    Attributes:
        image: (height, width, 3) uint8 RGB.
        keypoints: (animals, k, 3) x and y in pixels, and visibility: 2 visible, 1 hidden by another animal
            (an animal's own body hides nothing), 0 outside of the picture, where x and y are NaN.
        masks: (animals, height, width) bool, the pixels where each animal can be seen.
    """

    image: np.ndarray
    keypoints: np.ndarray
    masks: np.ndarray

    @property
    def areas(self) -> np.ndarray:
        """(animals,) number of pixels where each animal can be seen."""
        return np.asarray(self.masks.sum(axis=(1, 2)))

    @property
    def bboxes(self) -> np.ndarray:
        """(animals, 4) x, y, width, height of the pixels where each animal can be seen; NaN if there are none."""
        boxes = np.full((len(self.masks), 4), np.nan)
        for box, mask in zip(boxes, self.masks, strict=True):
            columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
            if len(columns):
                box[:] = columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1
        return boxes


def draw_shot(
    rng: np.random.Generator,
    *,
    n_frames: int,
    n_animals: int,
    size: tuple[int, int],
    fps: float = 25.0,
    scenario: Scenario | None = None,
) -> Iterator[Picture]:
    """Draw one shot: the same animals on the same ground, frame after frame.

    Args:
        rng: Source of everything that is random; the same state draws the same shot.
        n_frames: Number of pictures.
        n_animals: Number of animals; 0 draws the empty ground.
        size: (height, width) in pixels.
        fps: Frames a second.
        scenario: The animals' looks and habits; the default ones if omitted.
    """
    scenario = scenario or Scenario()
    ground, light = draw_ground(rng, size), draw_light(rng, size)
    shades = rng.uniform(1 - scenario.shade_spread, 1 + scenario.shade_spread, n_animals)
    depths = rng.permutation(n_animals)
    walk = wander(rng, n_frames=n_frames, n_animals=n_animals, size=size, fps=fps, scenario=scenario)
    bodies = bodies_on(walk, rng)
    for frame in range(n_frames):
        image = ground.copy()
        patches = [paint_animal(bodies, frame, animal, float(shades[animal])) for animal in range(n_animals)]
        for animal in depths:
            _cast_shadow(image, patches[animal], float(bodies.lengths[animal]))
            image.paste(patches[animal].image, patches[animal].corner, patches[animal].coverage)
        covered = np.array([_silhouette(patch, size) for patch in patches], dtype=bool).reshape(n_animals, *size)
        masks, hidden = _stack(covered, depths)
        keypoints = _judge_visibility(bodies.keypoints[frame], hidden, size)
        yield Picture(_expose(image, light, scenario.noise, rng), keypoints, masks)


def _cast_shadow(image: Image.Image, patch: Patch, length: float) -> None:
    """Darken what lies below an animal, a little to the lower right."""
    soft = patch.coverage.filter(ImageFilter.GaussianBlur(0.035 * length))
    shadow = soft.point([round(value * _SHADOW_STRENGTH) for value in range(256)])
    corner = (patch.corner[0] + round(0.045 * length), patch.corner[1] + round(0.06 * length))
    image.paste(_SHADOW, (*corner, corner[0] + shadow.width, corner[1] + shadow.height), shadow)


def _silhouette(patch: Patch, size: tuple[int, int]) -> np.ndarray:
    """(height, width) bool: the pixels of which the animal covers at least half."""
    full = Image.new("L", (size[1], size[0]))
    full.paste(patch.coverage, patch.corner)
    return np.asarray(full) >= 128


def _stack(covered: np.ndarray, depths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What can be seen of each animal's silhouette, and where animals above it would hide it (animals, height, width).

    Args:
        covered: (animals, height, width) bool silhouettes.
        depths: Animals from the lowest to the uppermost.
    """
    hidden = np.zeros_like(covered)
    above = np.zeros(covered.shape[1:], dtype=bool)
    for animal in depths[::-1]:
        hidden[animal] = above
        above = above | covered[animal]
    return covered & ~hidden, hidden


def _judge_visibility(points: np.ndarray, hidden: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(animals, k, 3) the keypoints with their visibility; `hidden` as `_stack` returns it."""
    last = np.array([size[1] - 1, size[0] - 1])
    inside = np.all((points >= 0) & (points <= last), axis=-1)
    column, row = np.moveaxis(np.clip(points + 0.5, 0, last).astype(int), -1, 0)
    behind = hidden[np.arange(len(points))[:, None], row, column]
    visibility = np.where(inside, np.where(behind, 1, 2), 0)
    return np.concatenate([np.where(inside[..., None], points, np.nan), visibility[..., None]], axis=-1)


def _expose(image: Image.Image, light: np.ndarray, noise: float, rng: np.random.Generator) -> np.ndarray:
    """(height, width, 3) uint8: the picture in its light, as a camera with noise takes it."""
    exposed = np.asarray(image, dtype=np.float32) * light[..., None]
    exposed += rng.standard_normal(exposed.shape, dtype=np.float32) * np.float32(noise)
    return np.asarray(np.clip(exposed + 0.5, 0, 255), dtype=np.uint8)
