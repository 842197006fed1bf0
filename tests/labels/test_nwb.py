"""Reading NWB with ndx-pose, written by pynwb and by sleap-io; hostile files written with h5py."""

import datetime as dt
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from PIL import Image

from poetlab.errors import LabelError, PoetlabError
from poetlab.labels.formats import detect_format
from poetlab.labels.importing import import_labels
from poetlab.labels.label_set import load_label_set
from poetlab.labels.nwb import matches_nwb, read_nwb
from poetlab.labels.sleap import read_sleap
from poetlab.video.reading import open_video

NODES = ["nose", "left_ear", "right_ear"]
POINTS = np.array([[10.25, 20.5], [30, 24], [np.nan, np.nan]])
VISIBLE = np.array([True, False, False])


def write_nwb(
    path: Path,
    instances: list[tuple[np.ndarray, np.ndarray | None]] | None = None,
    *,
    files: list[str] | None = None,
    starts: list[int] | None = None,
    index: int = 0,
    picture: np.ndarray | None = None,
    frames: np.ndarray | None = None,
    dimension: tuple[int, int] | None = None,
) -> Path:
    """Write one training frame with pynwb and ndx-pose: of files, of a picture, or of frames inside of the file."""
    import ndx_pose
    import pynwb

    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    nwb = pynwb.NWBFile("mice", "an-identifier", start)
    skeleton = ndx_pose.Skeleton(name="mouse", nodes=NODES, edges=np.array([[0, 1], [0, 2]], dtype=np.uint8))
    animals = [
        ndx_pose.SkeletonInstance(
            name=f"animal{n}", id=np.uint8(n), node_locations=points, node_visibility=visible, skeleton=skeleton
        )
        for n, (points, visible) in enumerate([(POINTS, VISIBLE)] if instances is None else instances)
    ]
    of: dict[str, Any] = {}
    if picture is not None:
        image = pynwb.image.RGBImage(name="image0", data=picture)
        nwb.add_acquisition(pynwb.base.Images(name="labeled", images=[image], description="labeled frames"))
        of = {"source_frame": image}
    else:
        more = {"data": frames, "dimension": dimension} if frames is not None else {
            "external_file": files, "starting_frame": starts or [0], "format": "external", "num_samples": 1000,
        }  # fmt: skip
        series = pynwb.image.ImageSeries(name="video", unit="NA", rate=30.0, **more)
        of = {"source_video": series, "source_video_frame_index": np.uint32(index)}
    pose = ndx_pose.SkeletonInstances(skeleton_instances=animals)
    frame = ndx_pose.TrainingFrame(name="frame0", annotator="me", skeleton_instances=pose, **of)
    sources = ndx_pose.SourceVideos(image_series=[of["source_video"]] if "source_video" in of else [])
    training = ndx_pose.PoseTraining(
        training_frames=ndx_pose.TrainingFrames(training_frames=[frame]), source_videos=sources
    )
    behavior = nwb.create_processing_module(name="behavior", description="poses")
    behavior.add(ndx_pose.Skeletons(skeletons=[skeleton]))
    behavior.add(training)
    return save(nwb, path)


def save(nwb: Any, path: Path) -> Path:
    """Write a file with pynwb."""
    import pynwb

    path.parent.mkdir(exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pynwb warns of its own settings
        with pynwb.NWBHDF5IO(path, "w") as io:
            io.write(nwb)
    return path


@pytest.fixture
def nwb(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes a file as `write_nwb` does."""
    return lambda *args, **more: write_nwb(tmp_path / "data" / "mice.nwb", *args, **more)


def test_a_training_frame_becomes_an_image(nwb, make_image, tmp_path: Path) -> None:
    path = nwb(files=["day1/img1.png", "day1/img2.png"], starts=[0, 1], index=1)
    assert matches_nwb(path)
    assert detect_format(path.parent)[0].name == "nwb"
    make_image(path.parent / "day1" / "img2.png")
    labels = read_nwb(path)
    assert (labels.skeleton.name, labels.skeleton.keypoints) == ("mouse", tuple(NODES))
    assert labels.skeleton.edges == (("nose", "left_ear"), ("nose", "right_ear"))
    assert labels.skeleton.symmetries == (("left_ear", "right_ear"),)
    (instance,) = labels.images[0].instances
    np.testing.assert_array_equal(instance.keypoints, [[10.25, 20.5, 2], [30, 24, 1], [np.nan, np.nan, 0]])
    assert instance.individual is None
    reason = "number of an animal (no table of subjects says who it is)"
    assert labels.left_out.summary() == {reason: (1, ("frame0/animal0",))}
    report = import_labels(path, tmp_path / "labels", skeleton=None)
    assert (report.name, report.format, report.n_images) == ("mice", "nwb", 1)
    (image,) = load_label_set(report.folder).images
    assert (image.file_name, image.video, image.frame) == ("img2.png", "video", 1)


def test_without_visibility_placed_nodes_are_visible(nwb) -> None:
    (image,) = read_nwb(nwb([(POINTS, None)], files=["a.mp4"], index=7)).images
    assert (image.file_name, image.video, image.frame) == ("a/frame_000007.png", "a.mp4", 7)
    np.testing.assert_array_equal(image.instances[0].keypoints[:, 2], [2, 2, 0])


def test_a_series_of_several_videos_counts_on(nwb) -> None:
    (image,) = read_nwb(nwb(files=["a.mp4", "b.mp4"], starts=[0, 100], index=130)).images
    assert (image.file_name, image.video, image.frame) == ("b/frame_000030.png", "b.mp4", 30)
    with pytest.raises(LabelError, match="does not say which of its files has the frame 130"):
        read_nwb(nwb(files=["a.mp4", "b.mp4"], starts=[200, 300], index=130))
    with pytest.raises(LabelError, match="lists no image for the frame 130"):
        read_nwb(nwb(files=["a.png"], index=130))


def test_a_file_without_animals_is_refused(nwb) -> None:
    with pytest.raises(LabelError, match="no animal is in its training frames"):
        read_nwb(nwb([], files=["a.png"]))


def test_pictures_inside_of_the_file_are_written_out(nwb, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8)
    for number, more in enumerate(
        (
            {"picture": pixels},
            {"frames": pixels[None]},
            {"frames": pixels[None, ..., 0]},
            {"frames": pixels[None], "dimension": (64, 48)},
        )
    ):
        report = import_labels(nwb(**more), tmp_path / f"labels{number}", skeleton=None)
        stored = load_label_set(report.folder)
        assert stored.images[0].size == (48, 64)
        expected = pixels[..., 0] if more.get("frames", pixels[None]).ndim == 3 else pixels
        np.testing.assert_array_equal(np.asarray(Image.open(stored.image_path(stored.images[0]))), expected)
    with pytest.raises(LabelError, match="holds its frames turned"):
        read_nwb(nwb(frames=pixels[None], dimension=(48, 64)))
    with pytest.raises(LabelError, match="has neither a frame 5 nor a video file"):
        read_nwb(nwb(frames=pixels[None], index=5))
    with pytest.raises(LabelError, match="picture that has not 8 bits a color"):
        import_labels(nwb(frames=pixels[None] / 255.0), tmp_path / "other", skeleton=None)


@settings(max_examples=10)
@given(st.lists(st.tuples(st.floats(0, 1900), st.floats(0, 1000), st.integers(0, 2)), min_size=3, max_size=3))
def test_nothing_of_a_pose_is_lost(tmp_path_factory: pytest.TempPathFactory, pose) -> None:
    values = np.array(pose)
    points = np.where(values[:, 2:] > 0, values[:, :2], np.nan)
    path = write_nwb(tmp_path_factory.mktemp("data") / "a.nwb", [(points, values[:, 2] == 2)], files=["a.mp4"])
    (image,) = read_nwb(path).images
    expected = np.column_stack([points, values[:, 2]])
    np.testing.assert_array_equal(image.instances[0].keypoints, expected)


@pytest.mark.shared_data
@pytest.mark.parametrize("subjects", [False, True])
def test_a_real_project_that_sleap_io_writes_reads_like_the_project(
    shared_data: Path, tmp_path: Path, *, subjects: bool
) -> None:
    import sleap_io
    from sleap_io.io import nwb_annotations

    source = shared_data / "mice_pair" / "labels.slp"
    project = sleap_io.load_slp(str(source))
    project.labeled_frames = project.labeled_frames[:3]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nwb_annotations.save_labels(project, tmp_path / "mice.nwb", use_multisubjects=subjects)
    reference, labels = read_sleap(source), read_nwb(tmp_path / "mice.nwb")
    assert labels.skeleton.keypoints == reference.skeleton.keypoints
    assert labels.skeleton.edges == reference.skeleton.edges
    for image, other in zip(reference.images[:3], labels.images, strict=True):
        assert (other.file_name, other.video, other.frame) == (image.file_name, image.video, image.frame)
        for one, two in zip(image.instances, other.instances, strict=True):
            labeled = one.keypoints[:, 2] == 2  # sleap-io does not write hidden nodes
            np.testing.assert_array_equal(two.keypoints[:, 2] > 0, labeled)
            np.testing.assert_array_equal(two.keypoints[labeled, :2], one.keypoints[labeled, :2])
            assert two.individual == (one.individual if subjects else None)
    report = import_labels(
        tmp_path / "mice.nwb", tmp_path / "labels", skeleton=None, images_dir=shared_data / "mice_pair"
    )
    stored = load_label_set(report.folder)
    frames = open_video(shared_data / "mice_pair" / "video.mp4").pick({image.frame or 0 for image in stored.images})
    for image, frame in zip(stored.images, frames, strict=True):
        pixels = np.asarray(Image.open(stored.image_path(image)).convert("RGB"))
        np.testing.assert_array_equal(pixels, frame.image)


def test_predictions_are_no_labels(tmp_path: Path) -> None:
    import ndx_pose
    import pynwb

    nwb = pynwb.NWBFile("mice", "an-identifier", dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    skeleton = ndx_pose.Skeleton(name="mouse", nodes=NODES)
    series = [
        ndx_pose.PoseEstimationSeries(name=name, data=np.zeros((5, 2)), reference_frame="top left", rate=30.0)
        for name in NODES
    ]
    behavior = nwb.create_processing_module(name="behavior", description="poses")
    behavior.add(ndx_pose.Skeletons(skeletons=[skeleton]))
    behavior.add(ndx_pose.PoseEstimation(pose_estimation_series=series, skeleton=skeleton))
    save(nwb, tmp_path / "mice.nwb")
    with pytest.raises(LabelError, match=r"holds predictions \(PoseEstimation\) and no labels") as caught:
        import_labels(tmp_path / "mice.nwb", tmp_path / "labels", skeleton=None)
    assert "\n" not in str(caught.value)


FRAME = "processing/behavior/PoseTraining/training_frames/frame0"
ANIMAL = f"{FRAME}/skeleton_instances/animal0"
SKELETON = "processing/behavior/Skeletons/mouse"


def replace_member(file: h5py.File, name: str, value: Any) -> None:
    attributes = dict(file[name].attrs) if name in file else {}
    del file[name]
    if value is not None:
        file[name] = value
        if not isinstance(value, h5py.ExternalLink | h5py.SoftLink):
            file[name].attrs.update(attributes)


def hide_elsewhere(file: h5py.File, name: str, secret: Path) -> None:
    """Make an array of a file that HDF5 reads from another file."""
    shape, dtype = file[name].shape, file[name].dtype
    del file[name]
    file.create_dataset(name, shape, dtype, external=[(str(secret), 0, h5py.h5f.UNLIMITED)])


def virtual(file: h5py.File, name: str, secret: Path) -> None:
    layout = h5py.VirtualLayout(file[name].shape, file[name].dtype)
    layout[:] = h5py.VirtualSource(str(secret), "x", file[name].shape)
    del file[name]
    file.create_virtual_dataset(name, layout)


PICKLED = np.frombuffer(b"\x80\x04\x95evil", dtype=np.uint8)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            lambda f, s: replace_member(f, f"{ANIMAL}/mouse", h5py.ExternalLink(str(s), "/")),
            "to nothing or to another file",
        ),
        (lambda f, s: replace_member(f, f"{FRAME}/source_video", h5py.ExternalLink(str(s), "/")), "another file"),
        (lambda f, _: replace_member(f, f"{ANIMAL}/mouse", h5py.SoftLink("/none")), "leads to nothing"),
        (lambda f, s: hide_elsewhere(f, f"{ANIMAL}/node_locations", s), "is no array of this file"),
        (lambda f, s: virtual(f, f"{ANIMAL}/node_locations", s), "is no array of this file"),
        (lambda f, _: replace_member(f, f"{ANIMAL}/node_locations", np.void(b"\x80\x04evil")), "which no labels have"),
        (lambda f, _: replace_member(f, f"{SKELETON}/nodes", PICKLED), "holds no texts"),
        (lambda f, _: replace_member(f, f"{SKELETON}/edges", np.array([[0, 9]])), "links a node that it does not have"),
        (lambda f, _: replace_member(f, f"{SKELETON}/nodes", ["a", "a", "b"]), "names must be unique"),
        (lambda f, _: replace_member(f, f"{ANIMAL}/node_locations", np.zeros((3, 3))), r"the form \(3, 3\)"),
        (lambda f, _: replace_member(f, f"{ANIMAL}/node_locations", None), "form None"),
        (lambda f, _: replace_member(f, f"{ANIMAL}/mouse", None), "animal0: has no skeleton"),
        (lambda f, _: replace_member(f, "processing", None), "holds no training frames"),
        (lambda f, _: f[FRAME].attrs.pop("source_video_frame_index"), "lists no image|no animal"),
        (lambda f, _: f[FRAME].attrs.create("source_video_frame_index", np.int64(-3)), "which of its files"),
    ],
)
def test_hostile_and_contradictory_files_are_refused(nwb, tmp_path: Path, change, reason: str) -> None:
    path = nwb(files=["a.mp4"])
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["x"] = np.zeros((3, 2))
    with h5py.File(path, "r+") as file:
        change(file, secret)
    with pytest.raises(PoetlabError, match=reason) as caught:
        import_labels(path, tmp_path / "labels", skeleton=None)
    assert "mice.nwb" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "labels").exists()


def test_damaged_files_are_refused(nwb, tmp_path: Path) -> None:
    path = nwb(files=["a.mp4"])
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(LabelError, match=r"mice\.nwb: cannot be read"):
        read_nwb(path)
    (tmp_path / "text.nwb").write_text("x")
    assert not any(matches_nwb(tmp_path / name) for name in ("text.nwb", "none.nwb", "."))
