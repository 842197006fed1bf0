"""Label sets without the predictions that nobody has confirmed."""

import logging
from collections.abc import Sequence
from dataclasses import replace

from poetlab.labels.label_set import LabelSet

logger = logging.getLogger(__name__)


def confirmed_only(label_sets: Sequence[LabelSet]) -> list[LabelSet]:
    """Label sets without images of which some is a prediction that nobody has confirmed; a warning counts them.

    The whole image goes: without that animal, it would teach that there is none. So does one in which a model has found
    no animal.
    """
    return [_confirmed_only(label_set) for label_set in label_sets]


def _confirmed_only(label_set: LabelSet) -> LabelSet:
    kept = tuple(image for image in label_set.images if not image.is_unconfirmed)
    if len(kept) == label_set.n_images:
        return label_set
    logger.warning(
        "%s: %d of its %d images are left out, because nobody has confirmed what a model has found there (%d animals); "
        "correct or confirm these in your labeling tool, or import them with --confirmed",
        label_set.name,
        label_set.n_images - len(kept),
        label_set.n_images,
        sum(instance.is_unconfirmed for instance in label_set.instances),
    )
    return replace(label_set, images=kept)
