"""One video in, one result file out: what is in it, and what happens when something goes wrong on the way."""

import threading
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from poetlab.analysis.batches import automatic_batch_size, read_batches
from poetlab.analysis.pipeline import analyze_video
from poetlab.analysis.plan import AnalysisPlan, Progress
from poetlab.analysis.prediction import FittingPredictor
from poetlab.analysis.selection import Crop, Selection
from poetlab.analysis.settings import AnalysisSettings
from poetlab.errors import DeviceError, ResultsError, VideoError
from poetlab.inference import Predictor
from poetlab.poses import Poses
from poetlab.results.reading import iter_detections, read_attributes, read_poses
from poetlab.tracking.settings import TrackingSettings
from poetlab.video.reading import open_video
from poetlab.workflow.tracking import track_file

MakeVideo = Callable[..., Path]
Plan = Callable[..., AnalysisPlan]
QUIET = Progress()


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Generator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() == before


def analyze(predictor: Predictor, video: Path, plan: AnalysisPlan, progress: Progress = QUIET) -> Poses:
    plan.output_dir.mkdir(exist_ok=True)
    path = plan.output_dir / "walk.h5"
    analyze_video(FittingPredictor(predictor), video, path, plan, progress)
    return read_poses(path)


def images_of(video: Path) -> list[np.ndarray]:
    return [frame.image for frame in open_video(video)]


def stacked(images: list[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)


class Watched(Predictor):
    """Does something whenever the network is run."""

    def watch(self, action: Callable[[Tensor], None]) -> "Watched":
        object.__setattr__(self, "action", action)
        return self

    def run(self, frames: Tensor) -> Any:
        self.action(frames)  # type: ignore[attr-defined]
        return super().run(frames)


def watched(predictor: Predictor, action: Callable[[Tensor], None]) -> Predictor:
    return Watched(**vars(predictor)).watch(action)


@pytest.mark.parametrize("letterbox", [None, (64, 64), (32, 64)])
def test_the_result_is_what_the_network_says_of_each_frame(
    predictor: Predictor, make_video: MakeVideo, plan: Plan, letterbox: tuple[int, int] | None
) -> None:
    predictor = replace(predictor, image_size=predictor.image_size.model_copy(update={"letterbox": letterbox}))
    video = make_video()
    poses = analyze(predictor, video, plan())
    images = images_of(video)
    expected = [found for i in range(0, 22, 4) for found in predictor.predict(stacked(images[i : i + 4]))]
    np.testing.assert_array_equal(poses.keypoints, np.stack([found.best(3).keypoints for found in expected]))
    np.testing.assert_array_equal(poses.scores, np.stack([found.best(3).scores for found in expected]))
    np.testing.assert_array_equal(poses.frames, np.arange(22))
    assert len(np.unique(poses.keypoints[:, 0, 0, 0])) > 15  # the network tells frames apart


@pytest.mark.parametrize(
    ("selected", "expected"),
    [
        ({"start": 5}, range(5, 22)),
        ({"stop": 9}, range(9)),
        ({"start": 3, "stop": 20, "stride": 4}, range(3, 20, 4)),
        ({"start": 2, "stride": 3, "max_frames": 5}, range(2, 15, 3)),
        ({"start": 21}, range(21, 22)),
        ({"stop": 1000}, range(22)),
    ],
)
def test_selected_frames_are_those_of_the_whole_analysis(
    predictor: Predictor, make_video: MakeVideo, plan: Plan, selected: dict[str, int], expected: range
) -> None:
    stamps = np.cumsum(np.random.default_rng(0).integers(5, 80, 22)).tolist()
    video = make_video("variable.mp4", stamps=stamps)
    whole = analyze(predictor, video, plan(batch_size=1))
    part = analyze(predictor, video, plan(batch_size=1, overwrite=True, **selected))
    np.testing.assert_array_equal(part.frames, expected)
    np.testing.assert_array_equal(part.times, whole.times[expected])
    np.testing.assert_array_equal(part.keypoints, whole.keypoints[expected])
    np.testing.assert_allclose(part.times, (np.array(stamps) - stamps[0])[expected] / 1000, atol=1e-4)


def test_a_crop_is_all_that_the_network_sees_and_results_stay_in_the_full_frame(
    predictor: Predictor, make_video: MakeVideo, plan: Plan
) -> None:
    video, crop = make_video(), Crop(16, 8, 32, 24)
    seen: list[tuple[int, ...]] = []
    poses = analyze(watched(predictor, lambda frames: seen.append(tuple(frames.shape))), video, plan(crop=crop))
    assert set(seen) == {(4, 3, 32, 43), (2, 3, 32, 43)}  # 24 x 32 at the network's size
    images = [image[8:32, 16:48] for image in images_of(video)]
    expected = [found for i in range(0, 22, 4) for found in predictor.predict(stacked(images[i : i + 4]))]
    in_crop = np.stack([found.best(3).keypoints for found in expected])
    np.testing.assert_allclose(poses.keypoints, in_crop + np.array([16, 8]), rtol=1e-6)
    assert poses.size == (48, 64)


def test_a_crop_beyond_the_frame_is_refused(predictor: Predictor, make_video: MakeVideo, plan: Plan) -> None:
    with pytest.raises(VideoError, match=r"crop 40,0,32,24 reaches out of the frame, which is 64 x 48"):
        analyze(predictor, make_video(), plan(crop=Crop(40, 0, 32, 24)))


def test_a_start_beyond_the_end_is_refused(predictor: Predictor, make_video: MakeVideo, plan: Plan) -> None:
    with pytest.raises(VideoError, match="ends before frame 22"):
        analyze(predictor, make_video(), plan(start=22))
    assert list(plan().output_dir.iterdir()) == []


def test_only_the_last_batch_is_smaller(make_video: MakeVideo) -> None:
    with open_video(make_video()) as video:
        batches = list(read_batches(video, Selection(start=1, stride=2), 4))
        rest = list(read_batches(video, Selection(start=1, stride=2), 4, first=8))
    assert [batch.frames.tolist() for batch in batches] == [[1, 3, 5, 7], [9, 11, 13, 15], [17, 19, 21]]
    assert [batch.frames.tolist() for batch in rest] == [[17, 19, 21]]
    assert all(batch.images.dtype == torch.uint8 for batch in batches)


@pytest.mark.parametrize("n_done", [0, 3, 4, 9, 20, 22])
@pytest.mark.parametrize("selected", [{}, {"start": 2, "stride": 2, "max_frames": 9}])
def test_a_stopped_run_goes_on_as_if_it_had_not_been_stopped(
    predictor: Predictor, make_video: MakeVideo, plan: Plan, n_done: int, selected: dict[str, int]
) -> None:
    video, whole_plan = make_video(), plan(**selected)
    analyze(predictor, video, whole_plan)
    result = whole_plan.output_dir / "walk.h5"
    whole = read_contents(result)
    result.unlink()

    def stop(n: int) -> None:
        nonlocal n_left
        n_left -= n
        if n_left <= 0:
            raise KeyboardInterrupt

    n_left = max(n_done, 1)
    one_by_one = replace(whole_plan, settings=whole_plan.settings.model_copy(update={"batch_size": 1}))
    if n_done and n_done < len(whole["times"]):
        with pytest.raises(KeyboardInterrupt):
            analyze(predictor, video, one_by_one, Progress(on_frames=stop))
        assert not result.exists()
    earlier: list[int] = []
    new: list[int] = []
    analyze(predictor, video, whole_plan, Progress(on_frames=new.append, on_earlier_frames=earlier.append))
    resumed = read_contents(result)
    assert earlier == [n_done if n_done < len(whole["times"]) else 0]
    assert earlier[0] + sum(new) == len(whole["times"])
    first = earlier[0] * 4  # detections that were made in batches of one, whose last bits may differ
    for name in whole:
        start = first if name.startswith("detections") else earlier[0]
        np.testing.assert_array_equal(resumed[name][start:], whole[name][start:])
        np.testing.assert_allclose(resumed[name], whole[name], rtol=1e-4, atol=1e-4)


def read_contents(path: Path) -> dict[str, np.ndarray]:
    poses = read_poses(path)
    detections = [found for _, _, found in iter_detections(path)]
    return {
        "times": poses.times,
        "frames": poses.frames,
        "keypoints": poses.keypoints,
        "visibility": poses.visibility,
        "scores": poses.scores,
        "detections/scores": np.concatenate([found.scores for found in detections]),
        "detections/keypoints": np.concatenate([found.keypoints for found in detections]),
    }


def test_stopped_runs_give_the_same_bytes(predictor: Predictor, make_video: MakeVideo, plan: Plan) -> None:
    video, one_plan = make_video(), plan()
    analyze(predictor, video, one_plan)
    result = one_plan.output_dir / "walk.h5"
    whole = read_contents(result)
    result.unlink()

    def stop(_: int) -> None:
        raise KeyboardInterrupt

    n_runs = 1
    while not result.exists():
        try:
            analyze(predictor, video, one_plan, Progress(on_frames=stop))
        except KeyboardInterrupt:
            n_runs += 1
        assert n_runs < 10
    assert n_runs == 7  # one a batch, and one that finds nothing left to do
    resumed = read_contents(result)
    for name in whole:
        assert resumed[name].tobytes() == whole[name].tobytes()


def test_other_weights_do_not_go_on_with_a_stopped_run(predictor: Predictor, make_video: MakeVideo, plan: Plan) -> None:
    def stop(_: int) -> None:
        raise KeyboardInterrupt

    video, earlier = make_video(), []
    with pytest.raises(KeyboardInterrupt):
        analyze(predictor, video, plan(), Progress(on_frames=stop))
    torch.manual_seed(1)
    model = type(predictor.model)(predictor.model.settings, 2).eval()
    analyze(replace(predictor, model=model), video, plan(), Progress(on_earlier_frames=earlier.append))
    assert earlier == [0]


def test_frames_of_a_stopped_run_are_never_left_out(predictor: Predictor, make_video: MakeVideo, plan: Plan) -> None:
    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        analyze(predictor, make_video(), plan(), Progress(on_frames=stop))
    with pytest.raises(ResultsError, match=r"analyzed 4 frames, more than are wanted now.*--overwrite"):
        analyze(predictor, make_video(), plan(max_frames=3))
    assert len(analyze(predictor, make_video(), plan(max_frames=3, overwrite=True)).frames) == 3


def test_an_error_of_the_network_comes_out(predictor: Predictor, make_video: MakeVideo, plan: Plan) -> None:
    def fail(_: Tensor) -> None:
        raise ValueError("the network is on strike")

    with pytest.raises(ValueError, match="on strike"):
        analyze(watched(predictor, fail), make_video(), plan())


def test_an_error_of_the_writer_comes_out(
    predictor: Predictor, make_video: MakeVideo, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ResultsError("the disk is full")

    monkeypatch.setattr("poetlab.results.writing.ResultsWriter.append", fail)
    with pytest.raises(ResultsError, match="full"):
        analyze(predictor, make_video(), plan())


def test_a_second_analysis_of_the_same_video_says_so(predictor: Predictor, make_video: MakeVideo, plan: Plan) -> None:
    video, refused = make_video(), []

    def analyze_again(_: int) -> None:
        with pytest.raises(ResultsError, match="another run is writing") as caught:
            analyze(predictor, video, plan())
        refused.append(caught.value)

    assert analyze(predictor, video, plan(), Progress(on_frames=analyze_again)).n_frames == 22
    assert refused


def test_batches_shrink_when_memory_runs_out(
    predictor: Predictor, make_video: MakeVideo, plan: Plan, caplog: pytest.LogCaptureFixture
) -> None:
    video, seen = make_video(), []
    whole = analyze(predictor, video, plan(batch_size=8))

    def allow_three(frames: Tensor) -> None:
        if len(frames) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        seen.append(len(frames))

    poses = analyze(watched(predictor, allow_three), video, plan(batch_size=8, overwrite=True))
    assert seen == [2] * 11
    assert [record.message for record in caplog.records] == [
        "out of memory with 8 frames at once; going on with 4",
        "out of memory with 4 frames at once; going on with 2",
    ]
    np.testing.assert_allclose(poses.keypoints, whole.keypoints, atol=1e-3)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("MPS backend out of memory (MPS allocated: 8 GB)"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory"),
        MemoryError(),
    ],
)
def test_no_memory_for_one_frame_is_explained(
    predictor: Predictor, make_video: MakeVideo, plan: Plan, error: Exception
) -> None:
    def fail(_: Tensor) -> None:
        raise error

    with pytest.raises(DeviceError, match="'cpu' has not enough memory for one frame"):
        analyze(watched(predictor, fail), make_video(), plan())


def test_another_error_is_not_taken_for_lack_of_memory(predictor: Predictor, make_video: MakeVideo, plan: Plan) -> None:
    def fail(_: Tensor) -> None:
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes"):
        analyze(watched(predictor, fail), make_video(), plan())


def test_the_batch_size_is_chosen_by_device_and_frame_size(
    predictor: Predictor, make_video: MakeVideo, plan: Plan
) -> None:
    seen: list[int] = []
    analyze(watched(predictor, lambda frames: seen.append(len(frames))), make_video(), plan(batch_size=None))
    cpu = automatic_batch_size(torch.device("cpu"), (48, 64))
    assert seen[0] == cpu
    assert read_attributes(plan().output_dir / "walk.h5")["settings"]["batch_size"] == cpu
    assert automatic_batch_size(torch.device("cuda"), (1080, 1920)) > cpu
    assert automatic_batch_size(torch.device("cuda"), (20_000, 20_000)) == 1


def test_problems_of_the_read_part_are_in_the_file(predictor: Predictor, make_video: MakeVideo, plan: Plan) -> None:
    video = make_video("damaged.mp4", n_frames=40)
    content = bytearray(video.read_bytes())
    content[len(content) // 2 : len(content) * 2 // 3] = bytes(len(content) * 2 // 3 - len(content) // 2)
    video.write_bytes(content)
    with open_video(video) as opened:
        n_frames = len(list(opened))
        problems = opened.problems
    assert any("skipped" in problem for problem in problems)
    poses = analyze(predictor, video, plan())
    assert poses.n_frames == n_frames
    assert read_attributes(plan().output_dir / "walk.h5")["problems"] == list(problems)
    analyze(predictor, video, plan(stop=5, overwrite=True))
    assert read_attributes(plan().output_dir / "walk.h5")["problems"] == []


def test_at_the_end_the_animals_are_told_apart_as_track_would(
    predictor: Predictor, make_video: MakeVideo, plan: Plan
) -> None:
    video, tracked_plan = make_video(), plan(tracked=True)
    seen: list[tuple[Path, int, int]] = []
    poses = analyze(predictor, video, tracked_plan, Progress(on_tracked=lambda *told: seen.append(told)))
    assert (poses.tracked, poses.individuals) == (True, ("individual_1", "individual_2", "individual_3"))
    assert seen == [(video, done, 22) for done in range(1, 23)]
    path = tracked_plan.output_dir / "walk.h5"
    tracks = track_file(path, TrackingSettings(), n_individuals=3)
    found = [instances for _, _, instances in iter_detections(path)]
    slots = np.split(tracks.slots, np.cumsum([len(instances) for instances in found])[:-1])
    for row, (instances, names) in enumerate(zip(found, slots, strict=True)):
        there = names >= 0
        np.testing.assert_array_equal(poses.keypoints[row, names[there]], instances.keypoints[there])
        assert np.isfinite(poses.keypoints[row, :, 0, 0]).sum() == there.sum()
    assert read_attributes(path)["tracking"]["individuals"] == 3


def test_a_run_that_is_stopped_while_the_animals_are_told_apart_only_has_to_finish(
    predictor: Predictor, make_video: MakeVideo, plan: Plan
) -> None:
    video, tracked_plan = make_video(), plan(tracked=True)
    analyze(predictor, video, tracked_plan)
    result = tracked_plan.output_dir / "walk.h5"
    whole = result.read_bytes()
    result.unlink()

    def stop(_video: Path, done: int, _total: int) -> None:
        if done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        analyze(predictor, video, tracked_plan, Progress(on_tracked=stop))
    assert not result.exists()

    seen: list[int] = []
    analyze(watched(predictor, lambda frames: seen.append(len(frames))), video, tracked_plan)
    assert result.read_bytes() == whole
    assert seen == [2], "only the last, smaller batch is seen again"


def test_a_video_without_any_animal_is_not_tracked(predictor: Predictor, make_video: MakeVideo, plan: Plan) -> None:
    nothing = replace(plan(tracked=True), settings=AnalysisSettings(threshold=1, batch_size=4))
    poses = analyze(predictor, make_video(), replace(nothing, tracking=TrackingSettings(unlimited=True)))
    assert (poses.tracked, poses.individuals) == (False, ("slot_1", "slot_2", "slot_3"))
    assert np.isnan(poses.keypoints).all()


def test_what_cannot_be_followed_is_kept_in_slots(
    predictor: Predictor, make_video: MakeVideo, plan: Plan, caplog: pytest.LogCaptureFixture
) -> None:
    video = make_video()
    poses = analyze(predictor, video, plan(tracked=True, max_frames=1))
    assert (poses.tracked, poses.individuals) == (False, ("slot_1", "slot_2", "slot_3"))
    assert np.isfinite(poses.keypoints).all()
    assert caplog.messages == [
        f"{video}: too little goes on from frame to frame to tell the animals apart, so they are left as slots"
    ]


def test_a_stopped_run_that_overwrites_is_gone_on_with(predictor: Predictor, make_video: MakeVideo, plan: Plan) -> None:
    video, again = make_video(), plan(overwrite=True)
    analyze(predictor, video, again)
    result = again.output_dir / "walk.h5"
    whole = result.read_bytes()

    def stop_at_the_third(frames: Tensor) -> None:
        seen.append(len(frames))
        if len(seen) == 3:
            raise KeyboardInterrupt

    seen: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        analyze(watched(predictor, stop_at_the_third), video, again)
    assert result.read_bytes() == whole
    seen = []
    earlier: list[int] = []
    progress = Progress(on_earlier_frames=earlier.append)
    analyze(watched(predictor, lambda frames: seen.append(len(frames))), video, again, progress)
    assert earlier[0] > 0
    assert sum(seen) <= 22 - earlier[0] + 3
    assert result.read_bytes() == whole
    analyze(predictor, video, again, Progress(on_earlier_frames=earlier.append))
    assert earlier[1] == 0, "what is finished is analyzed from the start"
