"""Animals that are labeled in a frame and not in its neighbors, or the other way round."""

from collections import Counter
from collections.abc import Iterator

from poetlab.checking.finding import Finding, Place, Severity
from poetlab.checking.material import Material
from poetlab.labels.label_set import LabeledImage, LabelSet

_NEAR = 10
"""Frames within which an animal can be expected to stay."""
_FEWEST = 10
_STEADY = 0.9
"""Part of a video's labeled frames that have the same number of animals, from which on they should all."""
_BORDER = 0.05
"""Of the image, where an animal may just have come or gone."""


def find_lonely_animals(material: Material) -> Iterator[Finding]:
    """Find frames with more or fewer animals than the labeled frames before and after, which agree with each other.

    Both must be within ten frames, and the animal away from the image's border; or nine tenths of the video's labeled
    frames, which must be ten or more, must have the same number of animals. Images that are not known to be frames
    of videos, and frames with crowds, are left out.
    """
    for label_set in material.label_sets:
        videos: dict[str, list[LabeledImage]] = {}
        for image in label_set.images:
            has_crowd = any(instance.is_crowd for instance in image.instances)
            if image.video is not None and image.frame is not None and not has_crowd:
                videos.setdefault(image.video, []).append(image)
        for images in videos.values():
            yield from _find(label_set, sorted(images, key=lambda image: image.frame or 0))


def _find(label_set: LabelSet, images: list[LabeledImage]) -> Iterator[Finding]:
    """Go through the frames of one video."""
    usual, n_usual = Counter(len(image.instances) for image in images).most_common(1)[0]
    is_steady = len(images) >= _FEWEST and n_usual >= _STEADY * len(images)
    for before, image, after in zip(images, images[1:], images[2:], strict=False):
        n, expected = len(image.instances), len(before.instances)
        if n == expected or expected != len(after.instances):
            continue
        near = (after.frame or 0) - (before.frame or 0) <= 2 * _NEAR
        near = near and not any(_is_at_border(neighbor) for neighbor in (before, image, after))
        if near or (is_steady and expected == usual):
            yield _finding(label_set, before, image, after)


def _finding(label_set: LabelSet, before: LabeledImage, image: LabeledImage, after: LabeledImage) -> Finding:
    n, expected = len(image.instances), len(before.instances)
    names, before_names, after_names = (
        {instance.individual for instance in frame.instances} - {None} for frame in (image, before, after)
    )
    differing = (before_names & after_names) - names if n < expected else names - before_names - after_names
    listed = f" ({', '.join(sorted(map(str, differing)))})" if differing else ""
    what = f"{n} labeled, but {expected} in the labeled frames {before.frame} before and {after.frame} after it"
    return Finding(
        "neighbors",
        Severity.WARNING,
        Place(label_set.name, image.file_name),
        f"frame {image.frame}: {what}{listed}",
        "label the animal that is missing here" if n < expected else "see whether each is an animal of its own",
        badness=1 + abs(n - expected) / max(n, expected),
    )


def _is_at_border(image: LabeledImage) -> bool:
    """Whether some animal is where it may come in or go out."""
    height, width = image.size
    room_x, room_y = _BORDER * width, _BORDER * height
    return any(
        x < room_x or y < room_y or x + w > width - room_x or y + h > height - room_y
        for x, y, w, h in (instance.bbox for instance in image.instances)
    )
