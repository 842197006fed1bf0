"""What to train with where the user has not said it: each choice with its reason, from a few facts of the data.

These are for the swift family; the faithful one keeps the paper's values.
"""

import math
import re
from dataclasses import dataclass
from typing import Generic, TypeVar

from poetlab.skeleton import Skeleton
from poetlab.training.data_facts import DataFacts, Machine
from poetlab.training.settings import Schedule

Value = TypeVar("Value")

_CELL = 32
"""Pixels of the network's coarsest cell, of which its input has whole numbers."""

_ANIMAL_LENGTH = 80
"""Pixels of the network's input that a typical animal's longer side shall have: ten cells of the finest features."""

_SHORTEST_INPUT = 256
_LONGEST_INPUT = {"cpu": 640, "cuda": 1024}
_ONE_SHAPE = 0.75
"""Part of the images that must have one shape for the input to have it too."""

_FULL_CIRCLE = 0.6
"""Concentration of headings below which animals are seen from above; people and horses from the side have 0.8."""

_SMALL_TURN = 25.0
_LARGEST_BATCH = {"cpu": 4, "cuda": 16}
_FEWEST_STEPS_AN_EPOCH = 4
_BYTES_PER_PIXEL = 2000
"""Memory of a training step for each pixel of its input; poet-r50 takes 1300, and finer features take more."""

_STEPS = {"cpu": 2400, "cuda": 6000}
_EPOCHS = (30, 1000)
_LEARNING_RATE, _ITS_BATCH_SIZE = 1e-3, 4
_FEWEST_QUERIES = 10
_VALIDATIONS = 40

_GENERIC_NAME = re.compile(r"(?i)([a-z]|keypoint|kpt|kp|point|pt|node|part|bodypart|joint|landmark)?[\s_-]*\d+")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_SIDE_WORDS = {
    "l",
    "r",
    *(side + leg for side in "lr" for leg in "fhbm"),
    *(leg + side for side in "lr" for leg in "fhbm"),
}
_SIDE_PARTS = re.compile(r"(?i)left|right|^near|^off")
"""Sides are near and off in horses."""


@dataclass(frozen=True)
class Choice(Generic[Value]):
    """A value and why it was chosen, in words for the user."""

    value: Value
    reason: str


def choose_letterbox(facts: DataFacts, machine: Machine) -> Choice[tuple[int, int]]:
    """The (height, width) of the input: as small as leaves a typical animal large enough, and never enlarged."""
    height, width = facts.image_size
    longest = min(max(height, width), _LONGEST_INPUT[machine.device])
    if facts.same_shape < _ONE_SHAPE:
        height = width = max(height, width)
    wanted = longest if math.isnan(facts.animal_length) else _ANIMAL_LENGTH / facts.animal_length * max(height, width)
    scale = min(max(wanted, _SHORTEST_INPUT), longest) / max(height, width)
    chosen = (_whole_cells(height * scale), _whole_cells(width * scale))
    if math.isnan(facts.animal_length):
        return Choice(chosen, "the labels do not tell how large animals are")
    seen = facts.animal_length * min(chosen[0] / height, chosen[1] / width)
    return Choice(
        chosen,
        f"a typical animal, {facts.animal_length:.0f} pixels long in images of {facts.image_size[1]} x "
        f"{facts.image_size[0]}, has {seen:.0f} then",
    )


def choose_rotation(facts: DataFacts) -> Choice[float]:
    """The largest angle by which images are turned, degrees: all around where animals are labeled in all headings."""
    if math.isnan(facts.heading_concentration):
        return Choice(_SMALL_TURN, "too few animals are labeled to tell whether they head in all directions")
    if facts.heading_concentration < _FULL_CIRCLE:
        return Choice(180.0, "labeled animals head in all directions, as seen from above")
    return Choice(_SMALL_TURN, "labeled animals head in one direction, or in two opposite ones")


def choose_rotation_probability(rotation: float) -> Choice[float]:
    """How often images are turned."""
    if rotation > 90:
        return Choice(1.0, "no heading is more usual than another")
    return Choice(0.5, "upright animals are the usual ones")


def choose_flip_probability(skeleton: Skeleton) -> Choice[float]:
    """How often images are mirrored: never where that could make a left keypoint of a right one."""
    paired = {name for pair in skeleton.symmetries for name in pair}
    single = [name for name in skeleton.keypoints if name not in paired]
    sided = [name for name in single if has_side(name)]
    if sided:
        return Choice(0.0, f"'{sided[0]}' has a side, and no counterpart in the skeleton's symmetries")
    if not paired and all(_GENERIC_NAME.fullmatch(name) for name in single):
        return Choice(0.0, "the keypoints' names do not tell which change places in a mirror; add symmetries")
    return Choice(0.5, "left and right keypoints change places" if paired else "no keypoint has a side")


def choose_dropout_probability() -> Choice[float]:
    """How often patches of images are blanked."""
    return Choice(0.0, "what is hidden cannot be learned from few images")


def choose_upright() -> Choice[float]:
    """The last part of the epochs, in which images are neither turned nor mirrored.

    What is the same in all images of a recording, such as where the light comes from, or to which side of a keypoint a
    person clicks, can only be learned from images that lie as they were taken.
    """
    return Choice(0.3, "at last it sees images as those to predict are")


def choose_batch_size(facts: DataFacts, machine: Machine, letterbox: tuple[int, int]) -> Choice[int]:
    """Images a step: a power of two that memory holds, and that leaves several steps an epoch."""
    by_reason = {"as many make steady steps": _LARGEST_BATCH[machine.device]}
    if (several := facts.n_images // _FEWEST_STEPS_AN_EPOCH) > 1:
        by_reason[f"an epoch of {facts.n_images} images has several steps"] = several
    else:
        by_reason["there are few images"] = min(2, facts.n_images)
    if machine.memory is not None:
        fitting = machine.memory // (_BYTES_PER_PIXEL * letterbox[0] * letterbox[1])
        by_reason[f"memory holds them at {letterbox[1]} x {letterbox[0]} pixels"] = max(1, fitting)
    reason = min(by_reason, key=by_reason.__getitem__)
    return Choice(2 ** (by_reason[reason].bit_length() - 1), reason)


def choose_epochs(facts: DataFacts, machine: Machine, batch_size: int) -> Choice[int]:
    """Times that every image is shown: as many as make about the same number of steps for any number of images."""
    steps_an_epoch = -(-facts.n_images // batch_size)
    lowest, highest = _EPOCHS
    epochs = min(max(-(-_STEPS[machine.device] // steps_an_epoch), lowest), highest)
    return Choice(epochs, f"{epochs * steps_an_epoch} steps of up to {batch_size} of {facts.n_images} images")


def choose_learning_rate(batch_size: int) -> Choice[float]:
    """The learning rate, which grows with the root of the batch size as suits Adam."""
    rate = _LEARNING_RATE * math.sqrt(batch_size / _ITS_BATCH_SIZE)
    return Choice(float(f"{rate:.2g}"), f"for {batch_size} images a step")


def choose_schedule() -> Choice[Schedule]:
    """How the rates change."""
    return Choice("cosine", "ever smaller steps end nearer to the best")


def choose_clip_norm() -> Choice[float]:
    """The largest norm of the gradient."""
    return Choice(5.0, "only rare steps are cut")


def choose_bfloat16(machine: Machine) -> Choice[bool]:
    """Whether to compute in 16 bits."""
    if machine.has_bfloat16:
        return Choice(True, "this machine computes faster in 16 bits")  # noqa: FBT003 (the choice's value)
    return Choice(False, "this machine does not compute faster in 16 bits")  # noqa: FBT003 (the choice's value)


def choose_averaging() -> Choice[float]:
    """The decay of averaged weights."""
    return Choice(0.999, "averaged weights are steadier than the last ones")


def choose_validate_every(epochs: int) -> Choice[int]:
    """Epochs from one validation to the next."""
    return Choice(max(1, round(epochs / _VALIDATIONS)), f"about {_VALIDATIONS} validations in a run")


def choose_patience(facts: DataFacts, epochs: int) -> Choice[int]:
    """Epochs without a better validation AP after which a run ends: long, since AP also rises as the rates fall."""
    if not facts.n_validation_images:
        return Choice(0, "without validation images nothing tells when to stop")
    return Choice(-(-epochs // 3), "a run that gains nothing in a third of its epochs is done")


def choose_n_queries(facts: DataFacts, individuals: int | None) -> Choice[int]:
    """Animals that the network can find in an image: twice as many as were ever seen, since it learns by choosing."""
    most = max(facts.most_animals, individuals or 0)
    return Choice(max(2 * most, _FEWEST_QUERIES), f"the most animals that an image is known to have: {most}")


def has_side(keypoint: str) -> bool:
    """Whether a keypoint's name says left or right in a usual way: `left_ear`, `earL`, `paw1LH`, `Offknee`."""
    words = {word.lower() for word in _WORDS.findall(keypoint)}
    return bool(words & _SIDE_WORDS) or _SIDE_PARTS.search(keypoint) is not None


def _whole_cells(pixels: float) -> int:
    return max(2, math.ceil(pixels / _CELL - 1e-6)) * _CELL
