"""POET-R50 and POET-DC5-R50 compute what the published implementation computes.

The recipe for weights, images and targets is in the reference folder's README, which is kept outside the
repository with the numbers.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from poetlab.model.backbone import IMAGENET_MEAN, IMAGENET_STD
from poetlab.model.folding import folded_copy
from poetlab.model.loss import poet_loss
from poetlab.model.loss_settings import LossSettings
from poetlab.model.matcher import match_queries
from poetlab.model.poet import Poet, PoetOutput
from poetlab.model.pose_vector import PoseTargets, QueryClass, decode_vectors, scores_from_logits, stack_targets
from poetlab.model.presets import find_preset
from poetlab.model.published import from_published, is_published_layout

pytestmark = pytest.mark.shared_data

LOSS_NAMES = {
    "classes": "loss_ce",
    "keypoints": "loss_kpts",
    "visibility": "loss_kpts_class",
    "centers": "loss_ctrs",
    "offsets": "loss_deltas",
}


class Case:
    """One reference case: what goes in, and what the published implementation gave."""

    def __init__(self, folder: Path, name: str, weights: dict[str, torch.Tensor]) -> None:
        self.facts = json.loads((folder / f"{name}.json").read_text())
        self.arrays = np.load(folder / f"{name}.npz")
        self.weights = weights
        self.sizes = [tuple(size) for size in self.facts["sizes"]]
        targets = [torch.from_numpy(self.arrays[f"target_{i}"]) for i in range(len(self.sizes))]
        self.targets = stack_targets([recipe_targets(target) for target in targets])

    def output(self, *, folded: bool) -> PoetOutput:
        model = Poet(find_preset("poet-dc5-r50" if self.facts["dilated_c5"] else "poet-r50"), n_keypoints=17)
        model.load_state_dict(from_published(self.weights))
        model = folded_copy(model) if folded else model.eval()
        images = [recipe_image(size, self.facts["seed"] + i) for i, size in enumerate(self.sizes)]
        height, width = (max(size[axis] for size in self.sizes) for axis in (0, 1))
        batch = torch.zeros(len(images), 3, height, width)
        padding = torch.ones(len(images), height, width, dtype=torch.bool)
        for i, (image, (h, w)) in enumerate(zip(images, self.sizes, strict=True)):
            batch[i, :, :h, :w] = image
            padding[i, :h, :w] = False
        with torch.no_grad():
            return model(batch, padding if padding.any() else None)


def recipe_image(size: tuple[int, int], seed: int) -> torch.Tensor:
    h, w = size
    noise = np.random.default_rng(seed).random((3, h, w)).astype(np.float32)
    y, x = np.mgrid[:h, :w]
    waves = (0.5 + 0.5 * np.sin(x / (17 + seed % 5)) * np.cos(y / (23 + seed % 7))).astype(np.float32)
    mean, std = (np.array(values, dtype=np.float32)[:, None, None] for values in (IMAGENET_MEAN, IMAGENET_STD))
    return torch.from_numpy((0.5 * noise + 0.5 * waves - mean) / std)


def recipe_targets(target: torch.Tensor) -> PoseTargets:
    """(persons, 3 + 3 k): the published layout has a 1 after the center."""
    poses = decode_vectors(torch.cat([target[:, :2], target[:, 3:]], dim=1))
    classes = torch.full((1, len(target)), int(QueryClass.INDIVIDUAL))
    visible = poses.visibility[None] == 1
    centers, offsets, areas = poses.centers[None], poses.offsets[None], torch.ones(1, len(target))
    return PoseTargets(classes, centers, offsets, visible, visible, areas, torch.ones_like(visible))


@pytest.fixture(params=["r50_two_images", "dc5_r50_one_image"])
def case(request: pytest.FixtureRequest, shared_data: Path, recipe_weights: dict[str, torch.Tensor]) -> Case:
    return Case(shared_data.parent / "reference", request.param, recipe_weights)


@pytest.mark.slow
@pytest.mark.parametrize("folded", [False, True], ids=["as trained", "folded"])
def test_outputs_of_all_layers_are_those_of_the_published_implementation(case: Case, folded: bool) -> None:
    assert is_published_layout(case.weights)
    output = case.output(folded=folded)
    torch.testing.assert_close(output.class_logits, torch.from_numpy(case.arrays["pred_logits"]), atol=1e-4, rtol=0)
    torch.testing.assert_close(output.pose_vectors, torch.from_numpy(case.arrays["pred_kpts"]), atol=1e-4, rtol=0)


def published_output(case: Case) -> PoetOutput:
    return PoetOutput(torch.from_numpy(case.arrays["pred_logits"]), torch.from_numpy(case.arrays["pred_kpts"]))


def test_matched_pairs_are_those_of_the_published_implementation(case: Case) -> None:
    matched = match_queries(published_output(case), case.targets, LossSettings())
    for layer, images in enumerate(case.facts["indices_per_decoder_layer"]):
        for image, (queries, persons) in enumerate(images):
            found = {(query, person) for person, query in enumerate(matched[layer, image].tolist()) if query >= 0}
            assert found == set(zip(queries, persons, strict=True))


def test_losses_are_those_of_the_published_implementation(case: Case) -> None:
    loss = poet_loss(published_output(case), case.targets, LossSettings())
    expected = case.facts["losses"]
    n_layers = len(loss.classes)
    for name, published_name in LOSS_NAMES.items():
        for layer in range(n_layers):
            key = published_name if layer == n_layers - 1 else f"{published_name}_{layer}"
            assert getattr(loss, name)[layer].item() == pytest.approx(expected[key], rel=1e-4), key
    assert loss.total(LossSettings()).item() == pytest.approx(case.facts["total_weighted_loss"], rel=1e-4)


def test_scores_are_those_of_the_published_implementation(case: Case) -> None:
    scores = scores_from_logits(published_output(case).class_logits[-1])
    torch.testing.assert_close(scores, torch.from_numpy(case.arrays["scores"]), atol=1e-5, rtol=0)
