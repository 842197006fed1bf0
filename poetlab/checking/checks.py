"""Every check by name, and running them."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from poetlab.checking.bone_lengths import find_impossible_bones
from poetlab.checking.copies import repeated_frames, repeated_pictures
from poetlab.checking.duplicates import find_duplicates
from poetlab.checking.finding import Finding, worst_first
from poetlab.checking.image_files import find_unusable_images
from poetlab.checking.leaks import find_leaks
from poetlab.checking.left_right import find_swaps
from poetlab.checking.material import Animals, Material
from poetlab.checking.neighbors import find_lonely_animals
from poetlab.checking.outlines import find_wrong_outlines
from poetlab.checking.outside import find_points_outside
from poetlab.checking.pictures import Pictures, read_pictures
from poetlab.checking.rare_keypoints import find_rare_keypoints
from poetlab.checking.repeated_animals import find_repeated_animals
from poetlab.labels.label_set import LabelSet


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes:
        find: Looks for one kind of mistake.
        looks_for: What that is, in words.
    """

    find: Callable[[Material], Iterator[Finding]]
    looks_for: str


CHECKS: Mapping[str, Check] = {
    "images": Check(find_unusable_images, "image files missing, damaged or of another size"),
    "outside": Check(find_points_outside, "keypoints outside their image"),
    "bones": Check(find_impossible_bones, "bones far longer than on the other animals"),
    "left-right": Check(find_swaps, "left and right exchanged"),
    "outlines": Check(find_wrong_outlines, "boxes and masks that do not hold the keypoints"),
    "repeated": Check(find_repeated_animals, "one animal labeled twice in an image"),
    "neighbors": Check(find_lonely_animals, "animals missing or alone among neighboring frames"),
    "duplicates": Check(find_duplicates, "one frame twice"),
    "leaks": Check(find_leaks, "one frame in training and in validation"),
    "rare": Check(find_rare_keypoints, "keypoints labeled in too few images"),
}
"""Every check by name, in the order of the table on screen."""


def run_checks(
    label_sets: Sequence[LabelSet],
    *,
    names: Collection[str] = tuple(CHECKS),
    read_images: bool = True,
    min_images: int = 10,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Finding]:
    """Look for mistakes in labels.

    Args:
        label_sets: Label sets of one skeleton, at least one.
        names: Which checks, by their names in `CHECKS`.
        read_images: Whether to read every image once. Without, `images` finds nothing, and `duplicates` and `leaks`
            only frames that the labels themselves say are the same.
        min_images: In how many images a keypoint shall be labeled.
        on_progress: Called with images read and in all.

    Returns:
        What was found, the worst first.
    """
    pictures = read_pictures(label_sets, on_progress) if read_images else None
    material = _material(tuple(label_sets), pictures, min_images)
    return worst_first(finding for name in names for finding in CHECKS[name].find(material))


def _material(label_sets: tuple[LabelSet, ...], pictures: Pictures | None, min_images: int) -> Material:
    copies = list(repeated_frames(label_sets))
    said = {(copy.label_set.name, copy.image.file_name) for copy in copies}
    problems: dict[tuple[str, str], str] = {}
    if pictures is not None:
        seen = repeated_pictures(pictures)
        copies += [copy for copy in seen if (copy.label_set.name, copy.image.file_name) not in said]
        problems = pictures.problems
    return Material(tuple(map(Animals.of, label_sets)), tuple(copies), problems, min_images)
