"""The drawn animal, a lizard from above: its skeleton, its shape, and its body in each frame of a walk."""

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator

from poetlab.drawn.motion import Walk
from poetlab.skeleton import Skeleton

LIZARD = Skeleton(
    name="drawn-lizard",
    keypoints=(
        "snout",
        "left_eye",
        "right_eye",
        "neck",
        "mid_body",
        "tail_base",
        "mid_tail",
        "tail_tip",
        "left_front_paw",
        "right_front_paw",
        "left_hind_paw",
        "right_hind_paw",
    ),
    edges=(
        ("snout", "left_eye"),
        ("snout", "right_eye"),
        ("left_eye", "neck"),
        ("right_eye", "neck"),
        ("neck", "mid_body"),
        ("mid_body", "tail_base"),
        ("tail_base", "mid_tail"),
        ("mid_tail", "tail_tip"),
        ("neck", "left_front_paw"),
        ("neck", "right_front_paw"),
        ("tail_base", "left_hind_paw"),
        ("tail_base", "right_hind_paw"),
    ),
    symmetries=(
        ("left_eye", "right_eye"),
        ("left_front_paw", "right_front_paw"),
        ("left_hind_paw", "right_hind_paw"),
    ),
)
"""Twelve keypoints; sigmas are poetlab's default, since the labels are exact and the choice is ours."""

# All lengths below are in body lengths; places on the spine count from its front end.
SPINE = np.linspace(0, 2, 41)
_ON_SPINE = {"snout": 0.05, "neck": 0.3, "mid_body": 0.65, "tail_base": 1.0, "mid_tail": 1.5, "tail_tip": 1.9}
_EYES = 0.15
_EYE_ASIDE = 0.062

_OUTLINE = {
    0.0: 0.016,
    0.05: 0.056,
    0.15: 0.098,
    0.22: 0.1,
    0.3: 0.076,
    0.42: 0.1,
    0.65: 0.132,
    0.85: 0.106,
    1.0: 0.066,
    1.12: 0.062,
    1.35: 0.052,
    1.7: 0.034,
    1.9: 0.025,
    2.0: 0.014,
}
HALF_WIDTHS = PchipInterpolator(list(_OUTLINE), list(_OUTLINE.values()))(SPINE)
"""(n_spine,) half the body's width at each place of `SPINE`."""

_STRIDE = 0.55
_DUTY = 0.6
_LEFT, _RIGHT = 1, -1


@dataclass(frozen=True)
class _Leg:
    """Where a leg begins on the spine, its side, how its foot rests, which way it bends, and its turn in the gait."""

    paw: str
    base: float
    side: int
    forward: float
    outward: float
    bend: float
    phase: float


_LEGS = (
    _Leg("left_front_paw", 0.4, _LEFT, forward=0.1, outward=0.25, bend=-0.07, phase=0.0),
    _Leg("right_front_paw", 0.4, _RIGHT, forward=0.1, outward=0.25, bend=-0.07, phase=0.5),
    _Leg("left_hind_paw", 0.9, _LEFT, forward=-0.08, outward=0.26, bend=0.1, phase=0.5),
    _Leg("right_hind_paw", 0.9, _RIGHT, forward=-0.08, outward=0.26, bend=0.1, phase=0.0),
)


@dataclass(frozen=True, eq=False)
class Bodies:
    """The bodies of several animals in several frames; pixels are (x, y).

    Attributes:
        lengths: (animals,) pixels from snout to tail base.
        spine: (frames, animals, n_spine, 2) pixels, from the front end of the head to the end of the tail.
        left: (frames, animals, n_spine, 2) unit vectors across the spine, to the animal's left.
        legs: (frames, animals, 4, 3, 2) pixels of base, joint and paw of each leg.
        eyes: (frames, animals, 2, 2) pixels of the left and the right eye.
        keypoints: (frames, animals, k, 2) pixels, in the order of `LIZARD`.
    """

    lengths: np.ndarray
    spine: np.ndarray
    left: np.ndarray
    legs: np.ndarray
    eyes: np.ndarray
    keypoints: np.ndarray


def bodies_on(walk: Walk, rng: np.random.Generator) -> Bodies:
    """Give each animal of a walk its body: the spine follows the snout and waves, the legs trot."""
    strides = walk.travelled / walk.lengths / _STRIDE + rng.random(len(walk.lengths))
    spine = _waving_spine(walk, strides, rng)
    forward = _forward_along(spine)
    left = _to_the_left_of(forward)
    scale = walk.lengths[:, None]
    legs = np.stack([_leg(leg, spine, forward, strides, scale) for leg in _LEGS], axis=2)

    head, aside = spine[:, :, _index(_EYES)], left[:, :, _index(_EYES)] * _EYE_ASIDE * scale
    eyes = np.stack([head + aside, head - aside], axis=2)

    points = {name: spine[:, :, _index(place)] for name, place in _ON_SPINE.items()}
    points |= {"left_eye": eyes[:, :, 0], "right_eye": eyes[:, :, 1]}
    points |= {leg.paw: legs[:, :, index, 2] for index, leg in enumerate(_LEGS)}
    keypoints = np.stack([points[name] for name in LIZARD.keypoints], axis=2)
    return Bodies(walk.lengths, spine, left, legs, eyes, keypoints)


def _index(place: float) -> int:
    return int(np.abs(SPINE - place).argmin())


def _forward_along(spine: np.ndarray) -> np.ndarray:
    """Unit vectors along a spine, from each of its points to the one before."""
    steps = spine[:, :, :-1] - spine[:, :, 1:]
    steps = np.concatenate([steps[:, :, :1], steps], axis=2)
    return np.asarray(steps / np.linalg.norm(steps, axis=-1, keepdims=True))


def _to_the_left_of(forward: np.ndarray) -> np.ndarray:
    """Unit vectors turned to the animal's left as seen from above, where y points down."""
    return np.stack([forward[..., 1], -forward[..., 0]], axis=-1)


def _waving_spine(walk: Walk, strides: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The path behind the snout, bent once a stride by a wave that runs down the body, and the tail's slow sway."""
    straight = walk.behind(SPINE)
    aside = _to_the_left_of(_forward_along(straight))

    gait = (0.01 + 0.022 * SPINE) * np.sin(2 * np.pi * (strides[..., None] - SPINE / 1.4))
    beats = walk.times[:, None] * rng.uniform(0.2, 0.5, len(walk.lengths)) + rng.random(len(walk.lengths))
    sway = 0.12 * np.maximum(SPINE - 1, 0) ** 2 * np.sin(2 * np.pi * (beats[..., None] - (SPINE - 1) / 3))
    return np.asarray(straight + aside * (gait + sway)[..., None] * walk.lengths[:, None, None])


def _leg(leg: _Leg, spine: np.ndarray, forward: np.ndarray, strides: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """(frames, animals, 3, 2) base, joint and paw; in the stance the paw stays where the ground is."""
    base = spine[:, :, _index(leg.base)]
    ahead = forward[:, :, _index(leg.base)] * scale
    outward = _to_the_left_of(ahead) * leg.side
    phase = (strides + leg.phase) % 1
    swing = np.clip((phase - _DUTY) / (1 - _DUTY), 0, 1)
    reach = np.where(phase < _DUTY, 1 - 2 * phase / _DUTY, -np.cos(np.pi * swing)) * _DUTY * _STRIDE / 2
    paw = base + ahead * (leg.forward + reach)[..., None] + outward * leg.outward
    joint = (base + paw) / 2 + ahead * leg.bend + outward * 0.05
    return np.stack([base, joint, paw], axis=2)
