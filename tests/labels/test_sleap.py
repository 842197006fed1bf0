"""SLEAP projects, written by sleap-io and real ones, imported and compared with what sleap-io and h5py read."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import av
import h5py
import numpy as np
import pytest
import sleap_io
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from poetlab.errors import LabelError, PoetlabError
from poetlab.labels.formats import detect_format
from poetlab.labels.importing import import_labels
from poetlab.labels.label_set import LabelSet, load_label_set
from poetlab.labels.report import ImportReport
from poetlab.labels.sleap import read_sleap

SIZE = (48, 64)
N_FRAMES = 8
NODES = ["tail", "wingR", "head", "wingL"]
REAL = {"flies_pair": "labels.slp", "mice_pair": "labels.slp", "flies_clip13": "tracks_first1000.slp"}


def paint(index: int) -> np.ndarray:
    """A picture with red, green and blue bands that show the number of the frame."""
    image = np.zeros((*SIZE, 3), np.uint8)
    image[:, :, 0] = 220
    image[: 16 + index] = (20, 200, 30)
    image[:, : 4 + 3 * index] = (10, 20, 230)
    return image


def make_video(path: Path, n_frames: int = N_FRAMES) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width = SIZE
        stream.pix_fmt = "yuv420p"
        for index in range(n_frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(paint(index), format="rgb24")))
        container.mux(stream.encode())
    return path


def decode(path: Path) -> list[np.ndarray]:
    """Every frame, by PyAV alone."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def make_skeleton() -> sleap_io.Skeleton:
    edges = [("head", "tail"), ("wingL", "head"), ("wingR", "head")]
    return sleap_io.Skeleton(list(NODES), edges=edges, symmetries=[("wingR", "wingL")], name="bird")


def make_instance(skeleton: sleap_io.Skeleton, shift: float = 0, **options) -> sleap_io.Instance:
    """Shown, shown, not placed, hidden by a person."""
    points = np.array([[10.25, 20.5], [30.0, 24.125], [np.nan, np.nan], [5.0, 6.0]]) + shift
    instance = sleap_io.Instance.from_numpy(points, skeleton=skeleton, **options)
    instance.points["visible"][3], instance.points["complete"][3] = False, True
    return instance


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """`write(name="birds.slp", frames=(1, 5), videos=("cam.mp4",), **save)`: a project of two tracked birds a frame.

    The last frame of the first video is marked as negative.
    """

    def write_(name: str = "birds.slp", frames=(5, 1), videos=("cam.mp4",), **save) -> Path:
        folder = tmp_path / "source"
        skeleton, tracks = make_skeleton(), [sleap_io.Track("ada"), sleap_io.Track("bob")]
        opened = [sleap_io.load_video(str(make_video(folder / video))) for video in videos]
        labeled = []
        for number, video in enumerate(opened):
            for index in frames:
                birds = [make_instance(skeleton, number + 2 * n, track=track) for n, track in enumerate(tracks)]
                labeled.append(sleap_io.LabeledFrame(video=video, frame_idx=index, instances=birds))
        labeled.append(sleap_io.LabeledFrame(video=opened[0], frame_idx=N_FRAMES - 1, is_negative=True))
        labels = sleap_io.Labels(labeled, videos=opened, tracks=tracks, skeletons=[skeleton])
        sleap_io.save_slp(labels, str(folder / name), verbose=False, **save)
        return folder / name

    return write_


@pytest.fixture
def import_(tmp_path: Path) -> Callable[..., tuple[LabelSet, ImportReport]]:
    def import__(path: Path, **options) -> tuple[LabelSet, ImportReport]:
        report = import_labels(path, tmp_path / "project", skeleton=None, **options)
        return load_label_set(report.folder), report

    return import__


def edit(path: Path, change: Callable[[h5py.File], None]) -> Path:
    """Change the file of a project in a way that sleap-io does not write."""
    with h5py.File(path, "a") as file:
        change(file)
    return path


def change_table(name: str, column: str, value) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        table = file[name][:]
        table[column] = value
        file[name][:] = table

    return change


def pixels_of(label_set: LabelSet) -> dict[tuple[str | None, int | None], np.ndarray]:
    return {
        (image.video, image.frame): np.asarray(Image.open(label_set.image_path(image)).convert("RGB"))
        for image in label_set.images
    }


def refusal(path: Path, tmp_path: Path, **options) -> str:
    with pytest.raises(PoetlabError) as caught:
        import_labels(path, tmp_path / "refused", skeleton=None, **options)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "refused").exists()
    return str(caught.value)


def test_a_project_becomes_frames_with_poses_identities_and_skeleton(write, import_, tmp_path: Path) -> None:
    label_set, report = import_(write())
    assert report.format == "sleap"
    assert label_set.skeleton.name == "bird"
    assert label_set.skeleton.keypoints == tuple(NODES)
    assert label_set.skeleton.edges == (("head", "tail"), ("wingL", "head"), ("wingR", "head"))
    assert label_set.skeleton.symmetries == (("wingL", "wingR"),)
    assert [(image.file_name, image.video, image.frame) for image in label_set.images] == [
        ("cam/frame_000001.png", "cam.mp4", 1),
        ("cam/frame_000005.png", "cam.mp4", 5),
        ("cam/frame_000007.png", "cam.mp4", 7),
    ]
    assert [len(image.instances) for image in label_set.images] == [2, 2, 0]
    ada, bob = label_set.images[0].instances
    assert (ada.individual, bob.individual) == ("ada", "bob")
    expected = np.array([[10.25, 20.5, 2], [30, 24.125, 2], [np.nan, np.nan, 0], [5, 6, 1]])
    np.testing.assert_array_equal(ada.keypoints, expected)
    np.testing.assert_array_equal(bob.keypoints[:, :2], expected[:, :2] + 2)
    assert (report.n_images, report.n_made, report.n_negatives, report.left_out) == (3, 3, 1, {})
    every = decode(tmp_path / "source" / "cam.mp4")
    for (_, frame), pixels in pixels_of(label_set).items():
        np.testing.assert_array_equal(pixels, every[frame])


def test_symmetries_that_are_not_given_come_from_the_names(write) -> None:
    def forget(file: h5py.File) -> None:
        metadata = json.loads(file["metadata"].attrs["json"])
        links = metadata["skeletons"][0]["links"]
        metadata["skeletons"][0]["links"] = [link for link in links if "edge_insert_idx" in link]
        file["metadata"].attrs["json"] = json.dumps(metadata)

    skeleton = read_sleap(edit(write(), forget)).skeleton
    assert skeleton.symmetries == (("wingL", "wingR"),)
    assert len(skeleton.edges) == 3


@pytest.mark.parametrize("plugin", ["opencv", "imageio"])
def test_embedded_frames_have_the_colors_of_the_video(write, import_, tmp_path: Path, plugin: str) -> None:
    """OpenCV and imageio write frames in opposite orders of colors; sleap-io itself is asked what they look like."""
    path = write("birds.pkg.slp", embed="user", plugin=plugin)
    every = decode(tmp_path / "source" / "cam.mp4")
    (tmp_path / "source" / "cam.mp4").unlink()
    label_set, report = import_(path)
    assert report.name == "birds.pkg"
    assert (report.n_images, report.n_made, report.n_negatives, report.left_out) == (3, 3, 1, {})
    video = sleap_io.load_slp(str(path)).video
    for (name, frame), pixels in pixels_of(label_set).items():
        assert name == "cam.mp4"
        np.testing.assert_array_equal(pixels, every[frame])
        np.testing.assert_array_equal(pixels, video[frame])


@pytest.mark.parametrize("order", ["RGB", "BGR", "unsaid, of old"])
@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_embedded_image_files_are_kept_as_they_are_unless_their_colors_are_swapped(
    write, import_, tmp_path: Path, order: str, suffix: str
) -> None:
    path = write("birds.pkg.slp", embed="user", plugin="imageio")
    kept: dict[int, bytes] = {}
    with h5py.File(path, "a") as file:
        old = file["video0/video"]
        for index in file["video0/frame_numbers"][:].tolist():
            image = Image.fromarray(paint(index) if order == "RGB" else paint(index)[..., ::-1])
            image.save(tmp_path / f"frame.{suffix}", quality=100, subsampling=0)
            kept[index] = (tmp_path / f"frame.{suffix}").read_bytes()
        longest = max(map(len, kept.values())) + 1000
        rows = [np.frombuffer(content.ljust(longest, b"\0"), np.int8) for content in kept.values()]
        attributes = dict(old.attrs) | {"format": suffix, "channel_order": order}
        del file["video0/video"]
        file["video0/video"] = np.stack(rows)
        file["video0/video"].attrs.update(attributes)
        if order.startswith("unsaid"):
            del file["video0/video"].attrs["channel_order"]
            file["metadata"].attrs["format_id"] = 1.3
    label_set, _ = import_(path)
    for image in label_set.images:
        content = label_set.image_path(image).read_bytes()
        assert image.file_name == f"cam/frame_{image.frame:06d}.{suffix if order == 'RGB' else 'png'}"
        assert (content == kept[image.frame]) == (order == "RGB")
        pixels = np.asarray(Image.open(label_set.image_path(image))).astype(int)
        np.testing.assert_allclose(pixels, paint(image.frame), atol=0 if suffix == "png" else 8)


@pytest.mark.parametrize("input_format", ["channels_last", "channels_first"])
def test_frames_that_are_arrays_in_the_project_become_images(write, import_, input_format: str) -> None:
    path = write("birds.pkg.slp", embed="user", plugin="imageio")

    def make_raw(file: h5py.File) -> None:
        frames = np.stack([paint(index) for index in file["video0/frame_numbers"][:].tolist()])
        del file["video0/video"]
        file["video0/video"] = frames if input_format == "channels_last" else frames.transpose(0, 3, 2, 1)
        entry = json.loads(file["videos_json"][0])
        entry["backend"]["input_format"] = input_format
        file["videos_json"][0] = json.dumps(entry)

    for (_, frame), pixels in pixels_of(import_(edit(path, make_raw))[0]).items():
        np.testing.assert_array_equal(pixels, paint(frame))


def test_a_package_made_of_a_package_is_read_too(write, import_, tmp_path: Path) -> None:
    every = decode(write("birds.pkg.slp", embed="user", plugin="imageio").parent / "cam.mp4")
    again = tmp_path / "again" / "birds.pkg.slp"
    again.parent.mkdir()
    labels = sleap_io.load_slp(str(tmp_path / "source" / "birds.pkg.slp"))
    sleap_io.save_slp(labels, str(again), embed="user", verbose=False)
    label_set, _ = import_(again)
    for (name, frame), pixels in pixels_of(label_set).items():
        assert name == "cam.mp4"
        np.testing.assert_array_equal(pixels, every[frame])


@pytest.mark.parametrize("image_format", ["png/../../escape", "tiff"])
def test_embedded_frames_of_an_unknown_format_are_refused(write, tmp_path: Path, image_format: str) -> None:
    def rename(file: h5py.File) -> None:
        file["video0/video"].attrs["format"] = image_format

    path = edit(write("birds.pkg.slp", embed="user", plugin="imageio"), rename)
    assert "save it with PNG frames" in refusal(path, tmp_path)


@pytest.mark.parametrize("name", ["../../escape.mp4", "..", "/", "C:\\..\\escape.mp4", "a\0.mp4"])
def test_no_name_of_a_video_leads_out_of_the_project(write, import_, tmp_path: Path, name: str) -> None:
    def rename(file: h5py.File) -> None:
        entry = {"backend": {"filename": name}}
        file["video0/source_video"].attrs["json"] = json.dumps(entry)

    path = edit(write("birds.pkg.slp", embed="user", plugin="imageio"), rename)
    if "\0" in name:
        assert "does not stay in the images folder" in refusal(path, tmp_path)
        return
    label_set, _ = import_(path)
    for image in label_set.images:
        assert label_set.images_dir.resolve() in label_set.image_path(image).resolve().parents
        assert label_set.image_path(image).is_file()


def test_an_embedded_frame_that_is_damaged_is_left_out(write, import_) -> None:
    def damage(file: h5py.File) -> None:
        file["video0/video"][0, 120:] = 0

    label_set, report = import_(edit(write("birds.pkg.slp", embed="user", plugin="imageio"), damage))
    assert [image.frame for image in label_set.images] == [5, 7]
    assert report.left_out["image file is cut short or damaged"] == (1, ("cam/frame_000001.png",))


def test_several_videos_have_names_and_folders_of_their_own(write, import_) -> None:
    videos = ("monday/cam.mp4", "tuesday/cam.mp4")
    label_set, _ = import_(write(videos=videos))
    assert {image.video for image in label_set.images} == set(videos)
    assert {image.file_name.rsplit("/", 1)[0] for image in label_set.images} == {"monday/cam", "tuesday/cam"}
    by_place = {(image.video, image.frame): image for image in label_set.images}
    assert by_place["tuesday/cam.mp4", 5].instances[0].keypoints[0, 0] == 11.25
    assert by_place["monday/cam.mp4", 5].instances[0].keypoints[0, 0] == 10.25


def test_frames_that_name_videos_by_the_number_of_their_group_are_found(write, import_) -> None:
    def renumber(file: h5py.File) -> None:
        file.move("video0", "video15")
        file["videos_json"][0] = file["videos_json"][0].replace(b"video0/", b"video15/")
        change_table("frames", "video", 15)(file)

    path = edit(write("birds.pkg.slp", embed="user", plugin="imageio"), renumber)
    assert [image.frame for image in import_(path)[0].images] == [1, 5]


def test_videos_that_moved_are_found_beside_the_project_or_where_the_caller_says(write, import_, tmp_path) -> None:
    path = write(videos=("monday/cam.mp4", "tuesday/cam.mp4"))
    for folder in ("monday", "tuesday"):
        shutil.move(tmp_path / "source" / folder, tmp_path / "elsewhere" / folder)
    message = refusal(path, tmp_path)
    assert "monday/cam.mp4, " in message
    assert "tuesday/cam.mp4 are not in" in message
    assert "--images" in message
    assert len(import_(path, images_dir=tmp_path / "elsewhere", name="one")[0].images) == 5
    for folder in ("monday", "tuesday"):
        shutil.move(tmp_path / "elsewhere" / folder, tmp_path / "source" / folder)
    moved = shutil.move(tmp_path / "source", tmp_path / "moved")
    assert len(import_(Path(moved) / "birds.slp", name="two")[0].images) == 5
    shutil.copy(tmp_path / "moved" / "monday" / "cam.mp4", tmp_path / "moved" / "cam.mp4")
    shutil.rmtree(tmp_path / "moved" / "monday")
    shutil.rmtree(tmp_path / "moved" / "tuesday")
    assert "are both found as" in refusal(tmp_path / "moved" / "birds.slp", tmp_path)


def test_videos_without_labels_need_not_be_there(write, import_, tmp_path: Path) -> None:
    path = write(videos=("a.mp4", "b.mp4"))
    labels = sleap_io.load_slp(str(path))
    labels.labeled_frames = [frame for frame in labels if frame.video is labels.videos[1]]
    sleap_io.save_slp(labels, str(path), verbose=False)
    (tmp_path / "source" / "a.mp4").unlink()
    assert [(image.video, image.frame) for image in import_(path)[0].images] == [("b.mp4", 5), ("b.mp4", 1)][::-1]


def test_a_list_of_images_is_copied_or_linked(import_, make_image, tmp_path: Path) -> None:
    files = [make_image(tmp_path / "recording" / "day1" / f"img{n}.png") for n in range(3)]
    skeleton = make_skeleton()
    frame = sleap_io.LabeledFrame(sleap_io.load_video([str(file) for file in files]), 2, [make_instance(skeleton)])
    sleap_io.save_slp(sleap_io.Labels([frame]), str(tmp_path / "images.slp"), verbose=False)
    for options in ({}, {"images_dir": tmp_path / "recording"}, {"images_dir": tmp_path / "recording" / "day1"}):
        label_set, report = import_(tmp_path / "images.slp", link=True, name=f"set{len(str(options))}", **options)
        (image,) = label_set.images
        assert (image.file_name, image.video, image.frame) == ("day1/img2.png", "day1", 2)
        assert label_set.image_path(image).readlink() == files[2]
        assert report.n_made == 0


def test_frames_of_videos_are_files_even_with_links(write, import_) -> None:
    label_set, report = import_(write(), link=True)
    assert not any(label_set.image_path(image).is_symlink() for image in label_set.images)
    assert report.n_made == 3


def test_predictions_are_left_out_and_counted(write, import_) -> None:
    path = write()
    labels = sleap_io.load_slp(str(path))
    first, second = labels.labeled_frames[:2]
    skeleton = labels.skeleton
    guess = sleap_io.PredictedInstance.from_numpy(np.ones((4, 2)), skeleton=skeleton, score=0.5)
    corrected = sleap_io.PredictedInstance.from_numpy(np.ones((4, 2)), skeleton=skeleton, score=0.5)
    first.instances[0].from_predicted = corrected
    first.instances += [guess, corrected]
    second.instances = [sleap_io.PredictedInstance.from_numpy(np.ones((4, 2)), skeleton=skeleton, score=0.5)]
    labels.append(sleap_io.LabeledFrame(labels.video, 3))
    sleap_io.save_slp(labels, str(path), verbose=False)
    label_set, report = import_(path)
    assert [(image.frame, len(image.instances)) for image in label_set.images] == [(first.frame_idx, 2), (7, 0)]
    made = [instance.provenance for instance in label_set.images[0].instances]
    assert [(entry.made_by, entry.score, entry.tool) for entry in made] == [
        ("corrected", 0.5, "sleap"),
        ("human", None, "sleap"),
    ]
    counts = {reason: count for reason, (count, _) in report.left_out.items()}
    assert counts == {
        "predicted instance that no person has corrected": 2,
        "predicted instance with a correction (which is imported)": 1,
        "frame without instances that is not marked as negative": 1,
    }


def test_a_project_of_predictions_alone_is_refused(write, tmp_path: Path) -> None:
    path = edit(write(), change_table("instances", "instance_type", 1))
    with h5py.File(path, "a") as file:
        del file["negative_frames"]
    assert "all of its 4 instances are predictions of a model" in refusal(path, tmp_path)


def test_a_hidden_point_that_no_person_placed_is_unlabeled_and_counted(write, import_) -> None:
    label_set, report = import_(edit(write(), change_table("points", "complete", False)))
    assert [instance.keypoints[3].tolist() for instance in label_set.instances] == [
        pytest.approx([np.nan] * 2 + [0], nan_ok=True)
    ] * 4
    assert report.left_out["hidden keypoint that no person has placed"][0] == 4


def test_old_projects_had_the_corner_of_the_first_pixel_at_zero(write) -> None:
    def make_old(file: h5py.File) -> None:
        file["metadata"].attrs["format_id"] = 1.0

    path = write()
    new = read_sleap(path).images[0].instances[0].keypoints
    old = read_sleap(edit(path, make_old)).images[0].instances[0].keypoints
    np.testing.assert_array_equal(old[:, :2], new[:, :2] - 0.5)
    np.testing.assert_array_equal(old[:, 2], new[:, 2])


def test_tracks_that_share_a_name_are_told_apart_by_number(write) -> None:
    def rename(file: h5py.File) -> None:
        file["tracks_json"][:] = ['[0, "ada"]', '[0, "ada"]']

    (first, second) = read_sleap(edit(write(), rename)).images[0].instances
    assert (first.individual, second.individual) == ("ada_0", "ada_1")


@given(data=st.data())
def test_any_pose_that_sleap_io_writes_is_read_exactly(tmp_path_factory: pytest.TempPathFactory, data) -> None:
    path = tmp_path_factory.mktemp("slp") / "any.slp"
    number = st.floats(-1e6, 1e6) | st.just(float("nan"))
    skeleton = make_skeleton()
    track = sleap_io.Track("ada")
    labeled = []
    for index in sorted(data.draw(st.sets(st.integers(0, 10**6), min_size=1, max_size=4))):
        points = np.array(data.draw(st.lists(st.tuples(number, number), min_size=4, max_size=4)))
        points[np.isnan(points).any(axis=1)] = np.nan
        instance = sleap_io.Instance.from_numpy(
            points, skeleton=skeleton, track=data.draw(st.sampled_from([None, track]))
        )
        labeled.append(sleap_io.LabeledFrame(sleap_io.Video("a.mp4", open_backend=False), index, [instance]))
    for frame in labeled[1:]:
        frame.video = labeled[0].video
    sleap_io.save_slp(sleap_io.Labels(labeled, tracks=[track]), str(path), verbose=False)
    images = read_sleap(path).images
    assert [image.frame for image in images] == [frame.frame_idx for frame in labeled]
    for image, frame in zip(images, labeled, strict=True):
        (read,), (written,) = image.instances, frame.instances
        np.testing.assert_array_equal(read.keypoints[:, :2], written.numpy())
        np.testing.assert_array_equal(read.keypoints[:, 2], np.where(np.isnan(written.numpy()[:, 0]), 0, 2))
        assert read.individual == (written.track and written.track.name)


def test_what_is_no_project_is_refused_in_one_line(write, tmp_path: Path) -> None:
    path = write()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert "cannot be read" in refusal(path, tmp_path, label_format="sleap")
    path.write_text("{}")
    assert "cannot be read" in refusal(path, tmp_path, label_format="sleap")
    with h5py.File(path, "w") as file:
        file["df_with_missing/table"] = 1
    assert "not a SLEAP project (KeyError" in refusal(path, tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda file: file["metadata"].attrs.update(format_id=3.0), "is of SLEAP's format 3"),
        (lambda file: file["metadata"].attrs.update(json="[" * 100_000), "not a SLEAP project"),
        (lambda file: file["metadata"].attrs.update(json='{"nodes": [], "skeletons": []}'), "has no skeleton"),
        (change_table("frames", "video", 9), "a frame is of the video 9"),
        (change_table("instances", "track", 9), "not a SLEAP project (IndexError"),
        (change_table("instances", "point_id_end", 0), "an animal has 0 points, its skeleton 4"),
        (lambda file: file.create_dataset("video_crops", data=[1]), "cropped by SLEAP"),
    ],
)
def test_a_project_that_contradicts_itself_is_refused_in_one_line(write, tmp_path, change, message: str) -> None:
    assert message in refusal(edit(write(), change), tmp_path)


def test_a_table_that_claims_to_be_huge_is_not_read(write, tmp_path: Path) -> None:
    def blow_up(file: h5py.File) -> None:
        dtype = file["points"].dtype
        del file["points"]
        file.create_dataset("points", (10**12,), dtype, chunks=(10**6,))

    assert "it is damaged" in refusal(edit(write(), blow_up), tmp_path)


def test_a_video_whose_frames_end_before_the_labels_is_refused(write, tmp_path: Path) -> None:
    path = write()
    make_video(tmp_path / "source" / "cam.mp4", n_frames=4)
    assert "has no frame 5, which the labels are of; is it the right video?" in refusal(path, tmp_path)


def test_a_video_of_another_size_than_the_labels_is_refused(write, tmp_path: Path) -> None:
    def resize(file: h5py.File) -> None:
        entry = json.loads(file["videos_json"][0])
        entry["backend"]["shape"][1:3] = [96, 128]
        file["videos_json"][0] = json.dumps(entry)

    assert "image differs in size from its labels: 3" in refusal(edit(write(), resize), tmp_path)


def test_videos_whose_frames_cannot_be_read_say_what_to_do(write, tmp_path: Path) -> None:
    def rename(file: h5py.File) -> None:
        file["videos_json"][0] = json.dumps(
            {"filename": "box.h5", "backend": {"filename": "box.h5", "dataset": "/box"}}
        )

    assert "the frames of box.h5 cannot be read; save the project as .pkg.slp" in refusal(
        edit(write(), rename), tmp_path
    )


def test_interrupting_leaves_nothing(write, tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        if done > total // 2 + 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_labels(write(), tmp_path / "project", skeleton=None, on_progress=interrupt)
    assert not (tmp_path / "project").exists()


def test_a_project_in_a_folder_is_found(write) -> None:
    path = write()
    assert detect_format(path.parent)[1] == path
    with pytest.raises(LabelError, match="no labels of a known format"):
        detect_format(shutil.move(path.parent / "cam.mp4", path.parent / "cam.slp"))


def test_an_imported_project_keeps_its_frames_when_it_is_imported_again(write, import_) -> None:
    first, _ = import_(write())
    again, _ = import_(first.images_dir.parent, name="again")
    assert [(image.file_name, image.video, image.frame) for image in again.images] == [
        (image.file_name, image.video, image.frame) for image in first.images
    ]


@pytest.mark.shared_data
@pytest.mark.parametrize("recording", REAL)
def test_real_projects_are_read_exactly(shared_data: Path, recording: str) -> None:
    """Every position as h5py has it, and every instance and identity as sleap-io has them."""
    path = shared_data / recording / REAL[recording]
    labels, images = sleap_io.load_slp(str(path), open_videos=False), read_sleap(path).images
    skeleton = read_sleap(path).skeleton
    assert list(skeleton.keypoints) == labels.skeleton.node_names
    assert [list(pair) for pair in skeleton.edge_indices] == [list(pair) for pair in labels.skeleton.edge_inds]
    theirs = {frozenset(node.name for node in symmetry.nodes) for symmetry in labels.skeleton.symmetries}
    assert theirs <= set(map(frozenset, skeleton.symmetries))
    assert [image.frame for image in images] == [frame.frame_idx for frame in labels]
    with h5py.File(path) as file:
        points = file["points"][:].reshape(-1, skeleton.n_keypoints)
    ours = [instance for image in images for instance in image.instances]
    for read, known, row in zip(ours, (one for frame in labels for one in frame), points, strict=True):
        np.testing.assert_array_equal(read.keypoints[:, 0], row["x"])
        np.testing.assert_array_equal(read.keypoints[:, 1], row["y"])
        visible = row["visible"] & ~np.isnan(row["x"])
        np.testing.assert_array_equal(read.keypoints[:, 2] == 2, visible)
        np.testing.assert_array_equal(read.keypoints[:, 2] == 1, ~row["visible"] & row["complete"])
        assert read.individual == (known.track and known.track.name)


@pytest.mark.shared_data
@pytest.mark.parametrize("recording", ["flies_pair", "mice_pair"])
def test_frames_of_real_projects_are_those_of_a_full_decode(shared_data: Path, import_, recording: str) -> None:
    label_set, _ = import_(shared_data / recording / REAL[recording])
    pixels = {frame: image for (_, frame), image in pixels_of(label_set).items()}
    with av.open(str(shared_data / recording / "video.mp4")) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index in pixels:
                np.testing.assert_array_equal(pixels.pop(index), frame.to_ndarray(format="rgb24"))
    assert pixels == {}


@pytest.mark.shared_data
def test_the_flies_are_the_same_as_in_coco(shared_data: Path, import_) -> None:
    """`labels_coco.json` was made of the project by others, with the positions rounded to 0.01 pixels."""
    ours, _ = import_(shared_data / "flies_pair" / "labels.slp")
    theirs, _ = import_(shared_data / "flies_pair" / "labels_coco.json", name="coco")
    assert ours.skeleton.keypoints == theirs.skeleton.keypoints
    assert ours.skeleton.edges == theirs.skeleton.edges
    assert ours.skeleton.flip_indices == theirs.skeleton.flip_indices
    known = {image.id: image for image in theirs.images}
    assert len(known) == len(ours.images)
    for image in ours.images:
        other = known[image.frame]
        for mine, its in zip(image.instances, other.instances, strict=True):
            np.testing.assert_allclose(mine.keypoints, its.keypoints, atol=0.01)
        mine, its = (
            np.asarray(Image.open(found.image_path(one)).convert("RGB")).astype(int)
            for found, one in ((ours, image), (theirs, other))
        )
        assert np.abs(mine - its).max() <= 3
