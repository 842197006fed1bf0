"""What checks could not judge, so that silence is not taken for praise."""

from collections.abc import Collection, Iterator, Sequence

from poetlab.checking import bone_lengths, left_right
from poetlab.labels.label_set import LabelSet


def remarks_on(label_sets: Sequence[LabelSet], checks: Collection[str], *, read_images: bool) -> Iterator[str]:
    """Say which of the checks that were done had too little to go by, and why.

    Args:
        label_sets: The label sets that were checked, at least one.
        checks: Names of the checks that were done.
        read_images: Whether the images were read.
    """
    if not read_images and {"images", "duplicates", "leaks"} & set(checks):
        yield "images, duplicates, leaks: the images were not read"
    for check, fewest in (("bones", bone_lengths.FEWEST), ("left-right", left_right.FEWEST)):
        few = [label_set.name for label_set in label_sets if label_set.n_labeled_instances < fewest]
        if check in checks and few:
            yield f"{check}: {', '.join(few)} (fewer than {fewest} animals do not tell what is usual)"
    if "left-right" in checks and not label_sets[0].skeleton.symmetries:
        yield "left-right: the skeleton names no symmetries; add the pairs to skeleton.yaml"
    frameless = [label_set.name for label_set in label_sets if all(image.frame is None for image in label_set.images)]
    if "neighbors" in checks and frameless:
        yield f"neighbors: {', '.join(frameless)} (the labels do not say which frame of which video an image is)"
