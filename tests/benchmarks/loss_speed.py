"""How much faster the vectorized matcher and loss are than loops over layers, images and persons.

    python tests/benchmarks/loss_speed.py

Prints milliseconds of a forward pass of matcher and loss, of both versions in turn, and their ratio.
"""

import statistics
import time
from collections.abc import Callable

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from poetlab.model.loss import poet_loss
from poetlab.model.loss_settings import LossSettings
from poetlab.model.poet import PoetOutput
from poetlab.model.pose_vector import PoseTargets, QueryClass, encode_targets, stack_targets, vector_size

N_LAYERS, N_IMAGES, N_QUERIES, N_PERSONS, N_KEYPOINTS = 6, 8, 25, 13, 17
N_RUNS = 20
SIZE = (480, 640)
WEIGHTS = LossSettings()


def main() -> None:
    """Time both versions side by side."""
    torch.manual_seed(0)
    shape = (N_LAYERS, N_IMAGES, N_QUERIES)
    output = PoetOutput(torch.randn(*shape, len(QueryClass)), torch.rand(*shape, vector_size(N_KEYPOINTS)))
    targets = stack_targets([random_persons() for _ in range(N_IMAGES)])
    total, expected = vectorized(output, targets), looped(output, targets)
    if not torch.isclose(total, expected, rtol=1e-4):
        raise SystemExit(f"the two versions disagree: {total.item():.4f} and {expected.item():.4f}")
    pairs = [(seconds(vectorized, output, targets), seconds(looped, output, targets)) for _ in range(N_RUNS)]
    fast, slow = (statistics.median(times) * 1000 for times in zip(*pairs, strict=True))
    ratio = statistics.median(b / a for a, b in pairs)
    print(f"{N_LAYERS} layers, {N_IMAGES} images, {N_PERSONS} persons, {torch.get_num_threads()} threads")
    print(f"vectorized {fast:.1f} ms, loop over persons {slow:.1f} ms, ratio {ratio:.1f}")


def random_persons() -> PoseTargets:
    """The persons of one image, about two thirds of their keypoints visible."""
    keypoints = torch.rand(N_PERSONS, N_KEYPOINTS, 2) * torch.tensor([SIZE[1], SIZE[0]])
    visible = torch.rand(N_PERSONS, N_KEYPOINTS) < 0.7
    visible[:, 0] = True
    return encode_targets(keypoints, visible, torch.rand(N_PERSONS, 4), SIZE)


def vectorized(output: PoetOutput, targets: PoseTargets) -> Tensor:
    """The one that training uses."""
    return poet_loss(output, targets, WEIGHTS).total(WEIGHTS)


def looped(output: PoetOutput, targets: PoseTargets) -> Tensor:
    """The same loss, written as the equations read: for each layer, image and person."""
    return torch.stack([looped_layer(output, targets, layer) for layer in range(N_LAYERS)]).sum()


def looped_layer(output: PoetOutput, targets: PoseTargets, layer: int) -> Tensor:
    """The loss of one decoder layer."""
    poses, n_persons = output.poses, targets.present.sum()
    log_probabilities = output.class_logits[layer].log_softmax(-1)
    class_sum, weight_sum, pose_sum = torch.zeros(()), torch.zeros(()), torch.zeros(())
    for image in range(N_IMAGES):
        rows, persons = linear_sum_assignment(looped_costs(output, targets, layer, image).numpy())
        wanted = dict(zip(rows.tolist(), persons.tolist(), strict=True))
        for query in range(N_QUERIES):
            person = wanted.get(query)
            kind = QueryClass.NO_OBJECT if person is None else QueryClass.INDIVIDUAL
            weight = WEIGHTS.no_object if person is None else 1.0
            class_sum = class_sum - weight * log_probabilities[image, query, kind]
            weight_sum = weight_sum + weight
            if person is None:
                continue
            visible = targets.visible[image, person].float()
            center = targets.centers[image, person]
            offsets = targets.offsets[image, person]
            predicted_center = poses.centers[layer, image, query]
            predicted_offsets = poses.offsets[layer, image, query]
            moved = predicted_center + predicted_offsets - center - offsets
            pose_sum = pose_sum + (
                WEIGHTS.keypoints * (moved.abs().sum(-1) * visible).sum()
                + WEIGHTS.visibility * (poses.visibility[layer, image, query] - visible).square().sum()
                + WEIGHTS.centers * (predicted_center - center).square().sum()
                + WEIGHTS.offsets * ((predicted_offsets - offsets).abs().sum(-1) / 2 * visible).sum()
            )
    return class_sum / weight_sum + pose_sum / n_persons


def looped_costs(output: PoetOutput, targets: PoseTargets, layer: int, image: int) -> Tensor:
    """(queries, persons) costs of one image; a loop over persons only."""
    poses = output.poses
    probability = output.class_logits[layer, image].softmax(-1)[:, QueryClass.INDIVIDUAL]
    columns = []
    for person in range(N_PERSONS):
        visible = targets.visible[image, person].float()
        keypoints = (poses.keypoints[layer, image] - targets.keypoints[image, person]).abs().sum(-1)
        offsets = (poses.offsets[layer, image] - targets.offsets[image, person]).abs().sum(-1) / 2
        columns.append(
            -probability
            + WEIGHTS.keypoints * (keypoints * visible).sum(-1)
            + WEIGHTS.offsets * (offsets * visible).sum(-1)
            + WEIGHTS.centers * (poses.centers[layer, image] - targets.centers[image, person]).norm(dim=-1)
            + WEIGHTS.visibility * (poses.visibility[layer, image] - visible).norm(dim=-1)
        )
    return torch.stack(columns, dim=1)


def seconds(function: Callable[..., Tensor], *arguments: object) -> float:
    """Seconds of one call."""
    started = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
