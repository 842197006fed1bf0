"""`track_results`: result files tracked anew."""

import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import sleap_io

from poetlab.drawn.detections import DrawnDetections, Faults, detect, wandering_animals
from poetlab.drawn.scenario import Scenario
from poetlab.errors import ConfigError, LabelError
from poetlab.results.joins import DOUBTFUL
from poetlab.results.reading import read_attributes, read_detections, read_joins, read_poses
from poetlab.results.writing import ResultsWriter
from poetlab.tracking.settings import TrackingSettings
from poetlab.workflow.filtering import filter_results
from poetlab.workflow.tracking import read_identities, track_results

SCENARIO = Scenario(body_length=0.2, roaming=-0.4)


@pytest.fixture(scope="module")
def drawn() -> DrawnDetections:
    animals = wandering_animals(1, n_frames=60, n_animals=2, size=(300, 300), fps=25, scenario=SCENARIO)
    return detect(animals, Faults(missed=0.05, noise=0.5), seed=1)


@pytest.fixture
def write(tmp_path: Path, drawn: DrawnDetections) -> Callable[[str], Path]:
    """`write(name)`: a result file of the drawn detections, in slots."""

    def write_(name: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        with ResultsWriter(
            path,
            skeleton=drawn.animals.skeleton,
            individuals=("slot_1", "slot_2"),
            size=drawn.animals.size,
            fps=25.0,
            video="video.mp4",
            video_fingerprint="0" * 16,
            model="001-poet-r18",
            tracked=False,
            settings={},
        ) as writer:
            writer.append(drawn.animals.times, drawn.frames, np.arange(60))
            writer.finish()
        return path

    return write_


def write_coco(path: Path, drawn: DrawnDetections) -> Path:
    """Every third frame as COCO, with identities."""
    skeleton = drawn.animals.skeleton
    images, annotations = [], []
    for frame in range(0, 60, 3):
        images.append({"id": frame, "file_name": f"clip2_{frame:05d}.png", "height": 300, "width": 300})
        for animal, pose in enumerate(drawn.animals.keypoints[frame]):
            seen = np.isfinite(pose).all(-1, keepdims=True)
            points = np.concatenate([np.where(seen, pose, 0), 2.0 * seen], axis=1).ravel().tolist()
            annotations.append(
                {"id": len(annotations), "image_id": frame, "category_id": 1, "keypoints": points, "track_id": animal}
            )
    category = {"id": 1, "name": skeleton.name, "keypoints": list(skeleton.keypoints)}
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": [category]}))
    return path


def test_each_animal_has_one_name_in_a_new_file(write: Callable, drawn: DrawnDetections, tmp_path: Path) -> None:
    result = write("video.h5")
    before = result.read_bytes()
    told: list[int] = []
    (tracked,) = track_results([result], on_frames=told.append)
    assert tracked.error is None
    assert tracked.path == tmp_path / "video_tracked.h5"
    assert result.read_bytes() == before
    assert sum(told) == tracked.n_frames == 60
    poses = read_poses(tracked.path)
    assert (poses.individuals, poses.tracked) == (("individual_1", "individual_2"), True)
    snouts, truth = poses.keypoints[:, :, 0], drawn.animals.keypoints[:, :, 0]
    order = np.linalg.norm(snouts[0, :, None] - truth[0], axis=-1).argmin(1)
    assert np.nanmax(np.linalg.norm(snouts - truth[:, order], axis=-1)) < 5
    here = poses.scores > 0
    n_gaps = sum(int(((np.diff(np.flatnonzero(here[:, one]))) > 1).sum()) for one in range(2))
    assert tracked.n_gaps == n_gaps > 0
    assert tracked.n_detections - tracked.n_left_out == here.sum()


def test_the_file_says_how_and_keeps_all_else(write: Callable) -> None:
    result = write("video.h5")
    (tracked,) = track_results([result], individuals=3, max_speed=20.0)
    assert tracked.path is not None
    assert (len(tracked.individuals), tracked.n_seen) == (3, 2)
    attributes = read_attributes(tracked.path)
    settings = TrackingSettings(max_speed=20).model_dump()
    assert attributes.pop("tracking") == settings | {"individuals": 3, "joins": 0}
    assert attributes.pop("individuals") == ["individual_1", "individual_2", "individual_3"]
    assert attributes.pop("tracked") == 1
    assert attributes.items() <= read_attributes(result).items()
    for old, new in zip(read_detections(result), read_detections(tracked.path), strict=True):
        np.testing.assert_array_equal(old.keypoints, new.keypoints)


def test_joins_are_kept_with_the_frames_and_individuals(write: Callable) -> None:
    result = write("video.h5")
    assert read_joins(result) is None, "slots are joined nowhere"
    with h5py.File(result, "r+") as file:  # nobody for 15 frames, so each animal has to be taken up again
        away = np.isin(file["poetlab/detections/frames"][:], np.arange(20, 35))
        keypoints = file["poetlab/detections/keypoints"]
        keypoints[:] = np.where(away[:, None, None], np.nan, keypoints[:])
    (tracked,) = track_results([result])
    joins = read_joins(tracked.path)
    assert joins is not None
    assert len(joins) == tracked.n_joins == 2
    table = joins.to_table(tracked.individuals)
    assert sorted(table["individual"]) == ["individual_1", "individual_2"]
    assert (table["last_frame"] < 20).all()
    assert (table["first_frame"] >= 35).all()
    assert len(table["margin"].unique()) == 1, "the only other way is to exchange the two"
    assert np.isfinite(joins.margins).all()
    assert tracked.n_doubtful == int((joins.margins < DOUBTFUL).sum())
    (filtered,) = filter_results([tracked.path], max_gap=3)
    np.testing.assert_array_equal(read_joins(filtered.path).to_table(tracked.individuals), table)


def test_tracking_again_gives_the_same(write: Callable, tmp_path: Path) -> None:
    (once,) = track_results([write("video.h5")])
    (again,) = track_results([once.path], output=tmp_path / "new" / "folder")
    assert again.path == tmp_path / "new" / "folder" / "video_tracked.h5"
    np.testing.assert_array_equal(read_poses(once.path).keypoints, read_poses(again.path).keypoints)


def test_coco_labels_with_identities_give_figures(write: Callable, drawn: DrawnDetections, tmp_path: Path) -> None:
    labels = write_coco(tmp_path / "labels.json", drawn)
    identities = read_identities(labels)
    assert (identities.individuals, identities.frames.tolist()) == (("0", "1"), list(range(0, 60, 3)))
    (tracked,) = track_results([write("video.h5")], labels=labels)
    assert tracked.figures is not None
    assert (tracked.figures.n_labeled, tracked.figures.switches) == (40, 0)
    assert tracked.figures.idf1_of_found == 1


def test_a_sleap_project_can_be_the_labels(write: Callable, drawn: DrawnDetections, tmp_path: Path) -> None:
    """Names, frames and positions are those that were drawn; the video need not be there."""
    skeleton = sleap_io.Skeleton(list(drawn.animals.skeleton.keypoints))
    video, tracks = sleap_io.Video("video.mp4", open_backend=False), [sleap_io.Track("ada"), sleap_io.Track("bob")]
    frames = [
        sleap_io.LabeledFrame(
            video,
            frame,
            [
                sleap_io.Instance.from_numpy(pose, skeleton=skeleton, track=track)
                for pose, track in zip(drawn.animals.keypoints[frame], tracks, strict=True)
            ],
        )
        for frame in range(0, 60, 3)
    ]
    path = tmp_path / "labels.slp"
    sleap_io.save_slp(sleap_io.Labels(frames, tracks=tracks), str(path), verbose=False)
    identities = read_identities(path)
    assert (identities.individuals, identities.frames.tolist()) == (("ada", "bob"), list(range(0, 60, 3)))
    np.testing.assert_array_equal(identities.keypoints, drawn.animals.keypoints[::3])
    (tracked,) = track_results([write("video.h5")], labels=path)
    assert tracked.figures is not None
    assert (tracked.figures.n_labeled, tracked.figures.switches, tracked.figures.idf1_of_found) == (40, 0, 1)


def test_labels_of_several_videos_are_refused(write: Callable, tmp_path: Path) -> None:
    images = [{"id": n, "file_name": f"{n}.png", "video": f"{n}.mp4", "frame": 5} for n in range(2)]
    annotation = {"id": 1, "image_id": 0, "category_id": 1, "keypoints": [1, 2, 2], "track_id": 1}
    labels = {"images": images, "annotations": [annotation], "categories": [{"id": 1, "name": "a", "keypoints": ["b"]}]}
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    with pytest.raises(LabelError, match=r"several videos \(0\.mp4, 1\.mp4\)"):
        track_results([write("a.h5")], labels=tmp_path / "labels.json")


def test_a_tracked_file_can_be_the_labels(write: Callable) -> None:
    (tracked,) = track_results([write("video.h5")])
    (again,) = track_results([write("other.h5")], labels=tracked.path)
    assert again.figures is not None
    assert again.figures.idf1 == 1


def test_labels_must_have_identities_and_be_of_one_result(write: Callable, tmp_path: Path) -> None:
    one, other = write("a.h5"), write("b.h5")
    with pytest.raises(LabelError, match="is not tracked"):
        track_results([one], labels=other)
    with pytest.raises(LabelError, match="there are 2 results"):
        track_results([one, other], labels=other)
    nameless = {"images": [], "annotations": [], "categories": [{"id": 1, "name": "a", "keypoints": ["b"]}]}
    (tmp_path / "labels.json").write_text(json.dumps(nameless))
    with pytest.raises(LabelError, match="no annotation has a track_id"):
        track_results([one], labels=tmp_path / "labels.json")


def test_one_that_fails_stops_no_other_and_nothing_is_replaced_unasked(write: Callable, tmp_path: Path) -> None:
    text = tmp_path / "text.h5"
    text.write_text("no result")
    good, twin = write("a.h5"), write("twin/a.h5")
    errors = [one.error for one in track_results([text, good, good, twin], output=tmp_path / "out")]
    assert "not a result file" in str(errors[0])
    assert errors[1] is None
    assert "another of these results has its name" in str(errors[2])
    assert errors[3] is None
    written = [path.relative_to(tmp_path / "out") for path in (tmp_path / "out").rglob("*.h5")]
    assert sorted(written) == [Path("a.h5"), Path("twin", "a.h5")]
    (again,) = track_results([good], output=tmp_path / "out")
    assert "--overwrite replaces it" in str(again.error)
    (again,) = track_results([good], output=tmp_path / "out", overwrite=True)
    assert again.error is None
    (itself,) = track_results([good], output=tmp_path, overwrite=True)
    assert "would be replaced by what is made of it" in str(itself.error)


def test_numbers_that_do_not_fit_are_errors(write: Callable) -> None:
    with pytest.raises(ConfigError, match="at least 1"):
        track_results([write("a.h5")], individuals=0)
    with pytest.raises(ConfigError, match="max_speed"):
        track_results([write("a.h5")], max_speed=-1.0)
