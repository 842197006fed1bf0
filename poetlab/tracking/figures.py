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
        n_missed: Those that nothing found belongs to.
        switches: How often a labeled animal has another name than it had when last found (CLEAR MOT's IDSW).
        fragments: How often a labeled animal is lost and found again (CLEAR MOT's Frag).
        idf1: Part of labeled and found animals that are under one name throughout (IDF1); misses count against it.
        idf1_of_found: The same among the labeled animals that were found: what tracking alone can answer for.
        hota: Higher order tracking accuracy, the mean over OKS thresholds from 0.05 to 0.95; misses count too.
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
    https://doi.org/10.1155/2008/246309. The area that scales OKS is that of the box around the labeled keypoints.

    Raises:
        PoetlabError: If TrackEval is not installed, or if there is no label to compare with.
    """
    try:
        from trackeval.metrics import CLEAR, HOTA, Identity
    except ImportError as error:
        raise PoetlabError(
            "figures of tracking need TrackEval; install it with: pip install 'poetlab[figures]'"
        ) from error

    data = _compare(labels, found.at(labels.frames), skeleton)
    if not data["num_gt_dets"]:
        raise PoetlabError("the labels have no animal with a name, so there is nothing to compare with")
    is_found = [(similarity >= _SAME).any(1) for similarity in data["similarity_scores"]]
    only_found = data | {
        "gt_ids": [ids[kept] for ids, kept in zip(data["gt_ids"], is_found, strict=True)],
        "similarity_scores": [s[kept] for s, kept in zip(data["similarity_scores"], is_found, strict=True)],
        "num_gt_dets": sum(int(kept.sum()) for kept in is_found),
    }
    settings = {"THRESHOLD": _SAME, "PRINT_CONFIG": False}
    clear = CLEAR(settings).eval_sequence(data)
    return TrackingFigures(
        n_frames=len(labels.frames),
        n_labeled=data["num_gt_dets"],
        n_missed=data["num_gt_dets"] - only_found["num_gt_dets"],
        switches=int(clear["IDSW"]),
        fragments=int(clear["Frag"]),
        idf1=float(Identity(settings).eval_sequence(data)["IDF1"]),
        idf1_of_found=float(Identity(settings).eval_sequence(only_found)["IDF1"]),
        hota=float(np.mean(HOTA().eval_sequence(data)["HOTA"])),
    )


def _compare(labels: Identities, found: Identities, skeleton: Skeleton) -> dict[str, Any]:
    """What TrackEval asks for: in each frame who is labeled, who was found, and how similar they are."""
    labeled_there, found_there = _present(labels), _present(found)
    labeled, named, similarity = [], [], []
    for row in range(len(labels.frames)):
        labeled.append(np.flatnonzero(labeled_there[row]))
        named.append(np.flatnonzero(found_there[row]))
        similarity.append(_oks(found.keypoints[row, named[-1]], labels.keypoints[row, labeled[-1]], skeleton))
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


def _oks(found: np.ndarray, labeled: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """(labeled, found) OKS; a keypoint that was not found is far off."""
    if not (len(found) and len(labeled)):
        return np.zeros((len(labeled), len(found)))
    known = np.isfinite(labeled).all(-1, keepdims=True)
    low, high = np.where(known, labeled, np.inf).min(1), np.where(known, labeled, -np.inf).max(1)
    areas = np.maximum(np.prod(high - low, axis=-1), 1.0)
    with_visibility = np.concatenate([np.where(known, labeled, 0), 2.0 * known], axis=-1)
    far = np.where(np.isfinite(found), found, 1e9)
    return object_keypoint_similarity(far, with_visibility, areas, skeleton.sigmas).T
