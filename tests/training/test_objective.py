"""What both families are trained to do, and where guided queries start."""

from collections.abc import Callable

import pytest
import torch

from poetlab.model.loss import PoetLoss, poet_loss
from poetlab.model.loss_settings import LossSettings, SwiftLossSettings
from poetlab.model.poet import Poet
from poetlab.model.pose_vector import PoseTargets, encode_targets, stack_targets
from poetlab.model.swift import Swift
from poetlab.model.swift_loss import SwiftLoss
from poetlab.skeleton import Skeleton
from poetlab.training.objective import Objective
from poetlab.training.settings import TrainingSettings

SKELETON = Skeleton("fly", ("head", "thorax", "tail"))
SIZE = (64, 96)


def targets_of(n_animals: int, area: float) -> PoseTargets:
    """Animals of one area, each with its center in the middle of the image."""
    keypoints = torch.tensor([47.5, 31.5]).expand(n_animals, 3, 2)
    labeled = torch.ones(n_animals, 3, dtype=torch.bool)
    return encode_targets(keypoints, labeled, torch.zeros(n_animals, 4), SIZE, areas=torch.full((n_animals,), area))


def objective(**settings: float) -> Objective:
    return Objective(TrainingSettings(swift_loss=SwiftLossSettings(**settings)), SKELETON)


def test_guided_queries_start_near_centers_alike_in_both_directions(
    swift_model: Swift, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    seen: list[torch.Tensor] = []
    decode = swift_model.decode
    monkeypatch.setattr(swift_model, "decode", lambda starts, *rest: seen.append(starts) or decode(starts, *rest))
    targets = targets_of(400, area=900.0)
    objective().predict(swift_model.train(), torch.zeros(1, 3, *SIZE), None, targets)
    starts = seen[-1][0]
    assert starts.shape == (400, 2)
    assert starts.mean(0).tolist() == pytest.approx([48, 32], abs=0.5)
    assert starts.std(0).tolist() == pytest.approx([3, 3], rel=0.15), "a tenth of the size of 30 pixels"


def test_images_with_fewer_animals_have_fewer_guided_queries(
    swift_model: Swift, monkeypatch: pytest.MonkeyPatch
) -> None:
    guides: list[torch.Tensor] = []
    forward = swift_model.forward
    monkeypatch.setattr(swift_model, "forward", lambda images, given: guides.append(given) or forward(images, given))
    targets = stack_targets([targets_of(n_animals, area=900.0) for n_animals in (1, 3, 0)])
    objective().predict(swift_model.train(), torch.zeros(3, 3, *SIZE), None, targets)
    assert guides[0].isfinite().all(-1).tolist() == [[True, False, False], [True] * 3, [False] * 3]


def test_without_a_weight_there_are_no_guided_queries(swift_model: Swift) -> None:
    images, targets = torch.zeros(1, 3, *SIZE), targets_of(2, 900.0)
    assert objective().predict(swift_model.train(), images, None, targets).guided is not None
    assert objective(guided=0).predict(swift_model, images, None, targets).guided is None


def test_each_family_has_its_loss_and_its_weights(swift_model: Swift, model: Poet) -> None:
    images, targets = torch.zeros(1, 3, *SIZE), targets_of(2, 900.0)
    weights = LossSettings(keypoints=7.0)
    both = Objective(TrainingSettings(loss=weights, swift_loss=SwiftLossSettings(oks=3.0)), SKELETON)
    with torch.no_grad():
        output = model.eval()(images)
        found = both.sums(output, targets).mean()
        assert isinstance(found, PoetLoss)
        assert both.total(found).item() == pytest.approx(poet_loss(output, targets, weights).total(weights).item())
        loss = both.sums(swift_model.eval()(images), targets).mean()
    assert isinstance(loss, SwiftLoss)
    assert both.total(loss).item() == pytest.approx(loss.total(SwiftLossSettings(oks=3.0)).item())
    assert both.total(loss) != loss.total(SwiftLossSettings())


def test_a_wide_skeleton_forgives_more(swift_model: Swift) -> None:
    strict, wide = (Skeleton("fly", SKELETON.keypoints, sigmas=(sigma,) * 3) for sigma in (0.02, 0.5))
    targets = targets_of(1, 900.0)
    with torch.no_grad():
        output = swift_model.eval()(torch.randn(1, 3, *SIZE))
    losses = [Objective(TrainingSettings(), each).sums(output, targets).parts.oks for each in (strict, wide)]
    assert (losses[0] > losses[1]).all()


@pytest.fixture
def learn() -> Callable[..., list[float]]:
    """`learn(model, n_steps)`: the total loss of each of some steps on one drawn batch."""

    def run(model: Swift, n_steps: int) -> list[float]:
        torch.manual_seed(0)
        keypoints = torch.tensor([[[30.0, 20], [40, 24], [50, 30]]])
        targets = encode_targets(
            keypoints, torch.ones(1, 3, dtype=torch.bool), torch.tensor([[28.0, 18, 24, 14]]), SIZE
        )
        image = torch.zeros(1, 3, *SIZE)
        for x, y in keypoints[0].long().tolist():
            image[:, :, y - 3 : y + 4, x - 3 : x + 4] = 2
        optimizer = torch.optim.AdamW(model.train().parameters(), lr=2e-3)
        losses = []
        for _ in range(n_steps):
            output = objective().predict(model, image, None, targets)
            loss = objective().total(objective().sums(output, targets).mean())
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 5)
            optimizer.step()
            losses.append(loss.item())
        return losses

    return run


def test_a_few_steps_lower_the_loss(swift_model: Swift, learn: Callable[..., list[float]]) -> None:
    losses = learn(swift_model, 30)
    assert max(losses[-5:]) < 0.5 * min(losses[:3])
