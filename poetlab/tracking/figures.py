"""How well animals are kept apart: the field's figures, computed by TrackEval."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from poetlab.errors import PoetlabError
from poetlab.evaluation.oks import object_keypoint_similarity
from poetlab.skeleton import Skeleton
from poetlab.tracking.identities import Identities

_SAME = 0.5
"""OKS from which a pose is that of a labeled animal."""


@dataclass(frozen=True)
class TrackingFigures:
    """Figures of one video; a found pose belongs to a labeled one if their OKS is at least 0.5.

    Attributes:
        n_frames: Frames with labels.
        n_labeled: Labeled animals in them, counted in each frame.
        n_missed: Those that nothing found belongs to; a pose that was filled in is not found.
        switches: How often a labeled animal has another name than it had when last found (CLEAR MOT's IDSW).
        fragments: How often a labeled animal is lost and found again (CLEAR MOT's Frag).
        idf1: Part of labeled and named animals that are under one name throughout (IDF1), poses that were filled in
            among them; misses count against it.
        idf1_of_found: The same of what was found, among the labeled animals that were: what tracking alone can
            answer for.
        hota: Higher order tracking accuracy, the mean over OKS thresholds from 0.05 to 0.95, of all named animals;
            misses count too.
    """

    n_frames: int
    n_labeled: int
    n_missed: int
    switches: int
    fragments: int
    idf1: float
    idf1_of_found: float
    hota: float


def tracking_figures(labels: Identities, found: Identities, skeleton: Skeleton) -> TrackingFigures:
    """Compare named animals with labels that have identities, in the frames that are labeled.

    IDF1: https://arxiv.org/abs/1609.01775, HOTA: https://doi.org/10.1007/s11263-020-01375-2, switches and fragments:
    https://doi.org/10.1155/2008/246309. The area that scales OKS is the labeled animal's usual one, the median of the
    boxes around its keypoints: where the border cuts it off, or it lies along an axis of the picture, the box is far
    smaller than the animal, and the same noise would make it another one.

    Raises:
        PoetlabError: If TrackEval is not installed, or if there is no label to compare with.
    """
    try:
        from trackeval.metrics import CLEAR, HOTA, Identity
    except ImportError as error:
        raise PoetlabError(
            "figures of tracking need TrackEval; install it with: pip install 'poetlab[figures]'"
        ) from error

    found = found.at(labels.frames)
    named, seen = _compare(labels, found, skeleton), _compare(labels, found.found(), skeleton)
    if not named["num_gt_dets"]:
        raise PoetlabError("the labels have no animal with a name, so there is nothing to compare with")
    only_found = _only_found(seen)
    settings = {"THRESHOLD": _SAME, "PRINT_CONFIG": False}
    clear = CLEAR(settings).eval_sequence(seen)
    return TrackingFigures(
        n_frames=len(labels.frames),
        n_labeled=seen["num_gt_dets"],
        n_missed=seen["num_gt_dets"] - only_found["num_gt_dets"],
        switches=int(clear["IDSW"]),
        fragments=int(clear["Frag"]),
        idf1=float(Identity(settings).eval_sequence(named)["IDF1"]),
        idf1_of_found=float(Identity(settings).eval_sequence(only_found)["IDF1"]),
        hota=float(np.mean(HOTA().eval_sequence(named)["HOTA"])),
    )


def _compare(labels: Identities, found: Identities, skeleton: Skeleton) -> dict[str, Any]:
    """What TrackEval asks for: in each frame who is labeled, who was found, and how similar they are."""
    labeled_there, found_there = _present(labels), _present(found)
    areas = _usual_areas(labels)
    labeled, named, similarity = [], [], []
    for row in range(len(labels.frames)):
        labeled.append(np.flatnonzero(labeled_there[row]))
        named.append(np.flatnonzero(found_there[row]))
        poses = found.keypoints[row, named[-1]], labels.keypoints[row, labeled[-1]]
        similarity.append(_oks(*poses, areas[labeled[-1]], skeleton))
    return {
        "num_timesteps": len(labels.frames),
        "num_gt_ids": len(labels.individuals),
        "num_tracker_ids": len(found.individuals),
        "num_gt_dets": int(labeled_there.sum()),
        "num_tracker_dets": int(found_there.sum()),
        "gt_ids": labeled,
        "tracker_ids": named,
        "similarity_scores": similarity,
    }


def _present(identities: Identities) -> np.ndarray:
    return np.asarray(np.isfinite(identities.keypoints).all(-1).any(-1))


def _only_found(data: dict[str, Any]) -> dict[str, Any]:
    """What `_compare` returns, without the labeled animals that nothing belongs to."""
    is_found = [(similarity >= _SAME).any(1) for similarity in data["similarity_scores"]]
    return data | {
        "gt_ids": [ids[kept] for ids, kept in zip(data["gt_ids"], is_found, strict=True)],
        "similarity_scores": [s[kept] for s, kept in zip(data["similarity_scores"], is_found, strict=True)],
        "num_gt_dets": sum(int(kept.sum()) for kept in is_found),
    }


def _usual_areas(labels: Identities) -> np.ndarray:
    """(individuals,) median square pixels of the box around the keypoints of each."""
    known = np.isfinite(labels.keypoints).all(-1, keepdims=True)
    low = np.where(known, labels.keypoints, np.inf).min(2)
    high = np.where(known, labels.keypoints, -np.inf).max(2)
    areas = zip(np.prod(high - low, axis=-1).T, _present(labels).T, strict=True)
    return np.maximum([np.median(area[there]) if there.any() else 0.0 for area, there in areas], 1.0)


def _oks(found: np.ndarray, labeled: np.ndarray, areas: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """(labeled, found) OKS; a keypoint that was not found is far off."""
    if not (len(found) and len(labeled)):
        return np.zeros((len(labeled), len(found)))
    known = np.isfinite(labeled).all(-1, keepdims=True)
    with_visibility = np.concatenate([np.where(known, labeled, 0), 2.0 * known], axis=-1)
    far = np.where(np.isfinite(found), found, 1e9)
    return object_keypoint_similarity(far, with_visibility, areas, skeleton.sigmas).T
