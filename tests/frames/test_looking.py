"""A second look: what the network says of a few frames is what it says of each by itself."""

from pathlib import Path

import numpy as np
import pytest
import torch

from poetlab.analysis.prediction import FittingPredictor
from poetlab.analysis.selection import Crop
from poetlab.data.image_size import ImageSizeSettings
from poetlab.drawn.tracks import draw_video
from poetlab.errors import VideoError
from poetlab.frames.looking import encoder_features, layer_disagreement, look_at_frames
from poetlab.inference import Predictor
from poetlab.model.network import build_network
from poetlab.model.presets import ModelSettings, SwiftSettings
from poetlab.model.swift import SwiftOutput
from poetlab.skeleton import Skeleton
from poetlab.video.reading import VideoFile, open_video

SKELETON = Skeleton("fly", ("head", "tail"))
POET = ModelSettings(backbone="resnet18", n_queries=4, n_features=32, n_feedforward=32, n_decoder_layers=2)
SWIFT = SwiftSettings(n_queries=4, n_features=32, n_feedforward=32)
FAMILIES = {"poet": POET, "swift": SWIFT, "swift without encoder": SWIFT.model_copy(update={"n_encoder_layers": 0})}


@pytest.fixture(params=FAMILIES)
def predictor(request: pytest.FixtureRequest) -> Predictor:
    torch.manual_seed(0)
    model = build_network(FAMILIES[request.param], 2).eval()
    return Predictor(model, SKELETON, ImageSizeSettings(letterbox=(64, 64)), torch.device("cpu"), "net", {})


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("drawn") / "video.mp4"
    draw_video(path, n_frames=30, n_animals=2, size=(64, 64), seed=0)
    return path


def image_of(video: VideoFile, frame: int, crop: Crop | None) -> torch.Tensor:
    (found,) = video.pick([frame])
    image = crop.cut(found.image) if crop else found.image
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None]


@pytest.mark.parametrize("crop", [None, Crop(8, 0, 40, 32)])
def test_each_frame_is_looked_at_as_if_alone(predictor: Predictor, path: Path, crop: Crop | None) -> None:
    frames = [1, 4, 5, 9, 12, 13, 20, 21, 22, 29]  # more than a batch
    done: list[int] = []
    with open_video(path) as video:
        looked = look_at_frames(
            FittingPredictor(predictor), video, frames, crop=crop, threshold=0.0, on_frames=done.append
        )
        assert sum(done) == len(looked.disagreement) == len(looked.features) == len(frames)
        letterbox = (40.0, 40.0) if crop else (64.0, 64.0)  # in pixels of what the network sees of a frame
        for place in (0, 5, 9):
            output = predictor.run(image_of(video, frames[place], crop))
            expected = layer_disagreement(output, letterbox, 0.0)
            assert looked.disagreement[place] == pytest.approx(expected[0], rel=0.01)
    assert len(np.unique(looked.features.round(5), axis=0)) == len(frames)


def test_features_are_the_mean_of_what_the_encoder_says(predictor: Predictor) -> None:
    images = torch.randint(0, 255, (3, 3, 64, 64), dtype=torch.uint8)
    with encoder_features(predictor.model) as seen:
        predictor.run(images)
        assert [tuple(one.shape) for one in seen] == [(3, 32)]
        predictor.run(images[1:2])
    assert torch.allclose(seen[1][0], seen[0][1], atol=1e-5)
    predictor.run(images)
    assert len(seen) == 2, "nothing is collected after the block"


def test_a_frame_beyond_the_end_is_said(predictor: Predictor, path: Path) -> None:
    with open_video(path) as video, pytest.raises(VideoError, match="ends before frame 30"):
        look_at_frames(FittingPredictor(predictor), video, [3, 30], crop=None, threshold=0, on_frames=lambda _: None)


def output_of(keypoints: torch.Tensor, scores: list[float], visibility: float = 1.0) -> SwiftOutput:
    """An output of keypoints (L, B, Q, k, 2) in image units; the same scores in every layer and image.

    Every keypoint has the visibility, but for the last one, which can be seen.
    """
    logits = torch.tensor(scores).logit().expand(keypoints.shape[:3])
    sure = torch.full_like(logits, 50.0)
    seen = torch.full_like(keypoints[..., 0], 50.0)
    seen[..., :-1] = torch.tensor(visibility).logit(eps=1e-6)
    return SwiftOutput((64, 64), torch.zeros_like(keypoints[..., 0, :]), keypoints, seen, logits, sure)


def test_disagreement_is_how_far_layers_are_from_the_last_in_lengths_of_the_animal() -> None:
    keypoints = torch.zeros(3, 1, 2, 2, 2)
    keypoints[:, 0, :, 1] = torch.tensor([0.3, 0.2])  # of 200 x 100 pixels: 60 and 20, after a half pixel
    keypoints[0, 0, 1, 0, 0] -= 0.2  # the second animal's first keypoint was 40, then 20 pixels off
    keypoints[1, 0, 1, 0, 0] -= 0.1
    length = np.hypot(60, 20)
    of_second = np.sqrt([40**2 / 2, 20**2 / 2]).mean() / length
    size = (100.0, 200.0)
    assert layer_disagreement(output_of(keypoints, [0.9, 0.8]), size, 0.5) == pytest.approx([of_second / 2], rel=1e-4)
    assert layer_disagreement(output_of(keypoints, [0.1, 0.8]), size, 0.5) == pytest.approx([of_second], rel=1e-4)
    assert layer_disagreement(output_of(keypoints, [0.9, 0.1]), size, 0.5).tolist() == [0]
    hidden = layer_disagreement(output_of(keypoints, [0.9, 0.8], visibility=0.1), size, 0.5)
    assert hidden.tolist() == [0], "where a hidden keypoint is, is a guess that need not settle"


def test_nothing_is_known_of_an_image_without_animals() -> None:
    keypoints = torch.rand(2, 3, 2, 2, 2)
    assert np.isnan(layer_disagreement(output_of(keypoints, [0.1, 0.1]), (64.0, 64.0), 0.5)).all()


def test_one_layer_has_none_to_agree_with() -> None:
    keypoints = torch.rand(1, 2, 3, 2, 2)
    assert np.isnan(layer_disagreement(output_of(keypoints, [0.9] * 3), (64.0, 64.0), 0.5)).all()
