"""Reading CVAT's XML 1.1, written here as CVAT's exporter writes it, and its COCO export."""

import json
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from poetlab.errors import LabelError, PoetlabError
from poetlab.labels.coco import read_coco
from poetlab.labels.cvat import matches_cvat, read_cvat
from poetlab.labels.formats import detect_format
from poetlab.labels.importing import import_labels
from poetlab.labels.label_set import load_label_set
from poetlab.labels.source_labels import SourceLabels
from poetlab.video.reading import open_video

NAMES = ("nose", "left_ear", "right_ear")
DRAWING = (
    '<line x1="1" y1="2" x2="3" y2="4" stroke="black" data-type="edge" data-node-from="1" data-node-to="2"></line>'
    '<circle r="1.5" data-type="element node" data-node-id="1" data-label-name="nose"></circle>'
    '<circle r="1.5" data-type="element node" data-node-id="2" data-label-name="left_ear"></circle>'
    '<circle r="1.5" data-type="element node" data-node-id="3" data-label-name="right_ear"></circle>'
)


def meta(*, video: str = "", drawing: str = DRAWING, skeleton: str = "mouse") -> str:
    """The `meta` of a task."""
    labels = f"<label><name>{skeleton}</name><type>skeleton</type><svg>{escape(drawing)}</svg></label>"
    labels += "".join(f"<label><name>{n}</name><type>points</type><parent>{skeleton}</parent></label>" for n in NAMES)
    size = "<original_size><width>64</width><height>48</height></original_size>" if video else ""
    source = f"<source>{video}</source>" if video else ""
    mode = "interpolation" if video else "annotation"
    return f"<meta><task><id>5</id><mode>{mode}</mode><labels>{labels}</labels>{size}{source}</task></meta>"


def points(values: Sequence[tuple[float, float, int]], *, keyframe: str = "") -> str:
    """The points of a skeleton, of which the third number is COCO's visibility."""
    return "".join(
        f'<points label="{name}" {keyframe} outside="{int(v == 0)}" occluded="{int(v == 1)}" source="manual" '
        f'points="{x:.2f},{y:.2f}"></points>'
        for name, (x, y, v) in zip(NAMES, values, strict=False)
    )


def skeleton(
    values: Sequence[tuple[float, float, int]],
    *,
    frame: int | None = None,
    key: int = 1,
    more: str = "",
    inner: str = "",
) -> str:
    """A skeleton of an image, or of a frame of a track."""
    keyframe = "" if frame is None else f'keyframe="{key}"'
    place = 'label="mouse" source="manual"' if frame is None else f'frame="{frame}" {keyframe}'
    return f'<skeleton {place} z_order="0" {more}>{points(values, keyframe=keyframe)}{inner}</skeleton>'


POSE = ((10.25, 20.5, 2), (30.0, 24.0, 1), (5.0, 5.0, 0))
GONE = tuple((x, y, 0) for x, y, _ in POSE)
KEYPOINTS = [[10.25, 20.5, 2], [30, 24, 1], [0, 0, 0]]


@pytest.fixture
def write_xml(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes a file with these sections."""

    def write(*sections: str, head: str | None = None, name: str = "annotations.xml") -> Path:
        path = tmp_path / "task" / name
        path.parent.mkdir(exist_ok=True)
        body = "\n  ".join((meta() if head is None else head, *sections))
        path.write_text(
            f'<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>{body}\n</annotations>'
        )
        return path

    return write


def image(*shapes: str, name: str = "a.png", more: str = "") -> str:
    return f'<image id="0" name="{name}" {more} width="64" height="48">{"".join(shapes)}</image>'


def track(*shapes: str, number: int = 0, label: str = "mouse", more: str = "") -> str:
    return f'<track id="{number}" label="{label}" source="manual" {more}>{"".join(shapes)}</track>'


def assert_poses(labels: SourceLabels, *poses: object) -> None:
    instances = [instance for one in labels.images for instance in one.instances]
    assert len(instances) == len(poses)
    for instance, pose in zip(instances, poses, strict=True):
        expected = np.array(pose, dtype=float)
        labeled = expected[:, 2] > 0
        np.testing.assert_array_equal(instance.keypoints[:, 2], expected[:, 2])
        np.testing.assert_allclose(instance.keypoints[labeled], expected[labeled])


def test_a_skeleton_of_an_image_becomes_an_animal(write_xml) -> None:
    path = write_xml(image(skeleton(POSE)), image(skeleton(POSE[:2]), '<tag label="good"></tag>', name="sub/b.png"))
    assert matches_cvat(path)
    labels = read_cvat(path)
    assert labels.skeleton.name == "mouse"
    assert labels.skeleton.keypoints == NAMES
    assert labels.skeleton.edges == (("nose", "left_ear"),)
    assert labels.skeleton.symmetries == (("left_ear", "right_ear"),)
    assert [(one.file_name, one.size) for one in labels.images] == [("a.png", (48, 64)), ("sub/b.png", (48, 64))]
    assert_poses(labels, POSE, (*POSE[:2], (0, 0, 0)))
    assert labels.left_out.summary() == {}


def test_boxes_and_polygons_join_the_skeleton_of_their_group(write_xml) -> None:
    box = (
        '<box label="body" occluded="0" xtl="8.00" ytl="18.00" xbr="38.00" ybr="38.00" z_order="0" group_id="{}"></box>'
    )
    polygon = '<polygon label="outline" points="8.00,18.00;38.00,18.00;38.00,38.00" group_id="{}"></polygon>'
    name = '<attribute name="individual">Ada</attribute>'
    labels = read_cvat(
        write_xml(
            image(box.format(3), skeleton(POSE, more='group_id="3"', inner=name), polygon.format(3), box.format(0)),
            image(*(skeleton(POSE, more='group_id="4"'),) * 2, box.format(4), '<polyline label="x"/>', name="b.png"),
        )
    )
    first, *others = [instance for one in labels.images for instance in one.instances]
    assert (first.bbox, first.individual) == ((8, 18, 30, 20), "Ada")
    assert first.segmentation == [[8, 18, 38, 18, 38, 38]]
    assert [(one.bbox, one.individual) for one in others] == [(None, None)] * 2
    assert labels.left_out.summary() == {
        "box or polygon in no group with one animal's keypoints": (2, ("a.png", "b.png")),
        "shape that is no keypoint, box or polygon (polyline)": (1, ("b.png",)),
    }


def point(label: str, x: float, y: float, *, group: int = 0, occluded: int = 0) -> str:
    return f'<points label="{label}" occluded="{occluded}" points="{x:.2f},{y:.2f}" group_id="{group}"></points>'


def test_points_without_a_skeleton_belong_together_by_group_or_order(write_xml) -> None:
    two = (point("nose", 1, 2, group=1), point("tail", 3, 4, group=2), point("tail", 5, 6, group=1, occluded=1))
    labels = read_cvat(
        write_xml(
            image(*two),
            image(point("tail", 7, 8), point("nose", 9, 10), name="b.png"),
            image(*(point(name, 1, 1) for name in ("nose", "tail", "nose", "tail")), name="c.png"),
            image(*(point(name, 1, 1) for name in ("nose", "nose", "tail", "tail")), name="d.png"),
            image(*(point("nose", 1, 1) for _ in range(3)), name="e.png"),
            head="",
        )
    )
    assert labels.skeleton.keypoints == ("nose", "tail")
    one = [[1, 1, 2], [1, 1, 2]]
    assert_poses(labels, [[1, 2, 2], [5, 6, 1]], [[0, 0, 0], [3, 4, 2]], [[9, 10, 2], [7, 8, 2]], one, one)
    reason = "image with points of several animals (group each animal's in CVAT)"
    assert labels.left_out.summary() == {reason: (2, ("d.png", "e.png"))}


def test_an_image_without_shapes_comes_in_if_a_tag_says_so(write_xml) -> None:
    box = '<box label="cage" xtl="8.00" ytl="18.00" xbr="38.00" ybr="38.00"></box>'
    labels = read_cvat(
        write_xml(
            image(skeleton(POSE)),
            image('<tag label="No_Animals" source="manual"></tag>', name="empty.png"),
            image('<tag label="blurred" source="manual"></tag>', name="blurred.png"),
            image(name="new.png"),
            image(box, name="cage.png"),
        )
    )
    assert [(one.file_name, len(one.instances)) for one in labels.images] == [("a.png", 1), ("empty.png", 0)]
    assert labels.left_out.summary() == {
        "image without a shape (and without a tag 'empty' that says so)": (2, ("blurred.png", "new.png")),
        "box or polygon in no group with one animal's keypoints": (1, ("cage.png",)),
        "image whose shapes place no keypoints": (1, ("cage.png",)),
    }


def test_the_subsets_of_a_project_have_folders(write_xml, make_image, tmp_path: Path) -> None:
    path = write_xml(*(image(skeleton(POSE), more=f'subset="{subset}" task_id="1"') for subset in ("Train", "Test")))
    for subset in ("Train", "Test"):
        make_image(path.parent / "images" / subset / "a.png")
    report = import_labels(path.parent, tmp_path / "labels", skeleton=None)
    assert (report.name, report.format, report.n_images) == ("task", "cvat", 2)
    stored = load_label_set(report.folder)
    assert [one.file_name for one in stored.images] == ["Train/a.png", "Test/a.png"]


def frames_of(*, first: int = 3, last: int = 6) -> str:
    """A track with key frames at its start and, where the animal leaves, at its end."""
    middle = [skeleton(POSE, frame=frame, key=0) for frame in range(first + 1, last)]
    return "".join([skeleton(POSE, frame=first), *middle, skeleton(GONE, frame=last)])


def test_key_frames_of_a_video_come_in_with_all_animals(write_xml) -> None:
    other = skeleton(((1, 2, 2), (3, 4, 2), (5, 6, 2)), frame=5)
    path = write_xml(track(frames_of()), track(other, number=7), head=meta(video="session/cam.mp4"))
    labels = read_cvat(path)
    assert [(one.file_name, one.video, one.frame, one.size) for one in labels.images] == [
        ("cam/frame_000003.png", "cam.mp4", 3, (48, 64)),
        ("cam/frame_000005.png", "cam.mp4", 5, (48, 64)),
    ]
    assert [[i.individual for i in one.instances] for one in labels.images] == [["0"], ["0", None]]
    assert_poses(labels, POSE, POSE, ((1, 2, 2), (3, 4, 2), (5, 6, 2)))
    reason = "frame that is no key frame (CVAT has interpolated its animals)"
    assert labels.left_out.summary() == {reason: (1, ("frame 4",))}


def test_points_in_tracks_belong_together_by_group(write_xml) -> None:
    def points_of(label: str, x: float) -> str:
        shapes = (
            f'<points frame="{frame}" outside="0" occluded="0" keyframe="1" points="{x:.2f},{frame}.00"></points>'
            for frame in (0, 1)
        )
        return track(*shapes, label=label, more='group_id="2"')

    labels = read_cvat(
        write_xml(points_of("nose", 5), points_of("tail", 6), head="<meta><source>a.mp4</source></meta>")
    )
    assert_poses(labels, [[5, 0, 2], [6, 0, 2]], [[5, 1, 2], [6, 1, 2]])
    assert [instance.individual for one in labels.images for instance in one.instances] == ["2", "2"]


def test_files_of_frames_beside_the_labels_are_used(write_xml, make_image, tmp_path: Path) -> None:
    named = image(skeleton(POSE), name="frame_000005")
    for number, sections in enumerate(((track(frames_of()),), (named,))):
        for head in (meta(), meta(video="cam.mp4")):
            path = write_xml(*sections, head=head)
            for frame in (3, 5):
                make_image(path.parent / "images" / f"frame_{frame:06d}.PNG")
            report = import_labels(path, tmp_path / f"labels{number}{len(head)}", skeleton=None)
            stored = load_label_set(report.folder)
            assert [(one.file_name, one.frame) for one in stored.images] == [("frame_000003.PNG", 3)][: 1 - number] + [
                ("frame_000005.PNG", 5)
            ] * number


def test_frames_without_files_and_video_are_refused(write_xml) -> None:
    for section in (track(frames_of()), image(skeleton(POSE), name="frame_000005")):
        with pytest.raises(LabelError, match="does not name them; export it as 'CVAT for images'"):
            read_cvat(write_xml(section))


@pytest.mark.shared_data
def test_frames_are_taken_out_of_the_video(write_xml, shared_data: Path, tmp_path: Path) -> None:
    pose = ((100.5, 200.25, 2), (300.0, 24.0, 1), (5.0, 5.0, 0))
    sections = [skeleton(pose, frame=frame) for frame in (0, 7, 100)]
    source = "<meta><source>video.mp4</source></meta>"
    path = write_xml(track(*sections), head=source)
    report = import_labels(path, tmp_path / "labels", skeleton=None, images_dir=shared_data / "mice_pair")
    stored = load_label_set(report.folder)
    assert [(one.video, one.frame, one.size) for one in stored.images] == [
        ("video.mp4", frame, (768, 1024)) for frame in (0, 7, 100)
    ]
    from PIL import Image

    for one, frame in zip(
        stored.images, open_video(shared_data / "mice_pair" / "video.mp4").pick({0, 7, 100}), strict=True
    ):
        pixels = np.asarray(Image.open(stored.image_path(one)).convert("RGB"))
        np.testing.assert_array_equal(pixels, frame.image)
    with pytest.raises(LabelError, match=r"the labeled videos video.mp4 are not in"):
        import_labels(path, tmp_path / "other", skeleton=None)


def test_a_zip_archive_is_imported(write_xml, make_image, tmp_path: Path) -> None:
    path = write_xml(image(skeleton(POSE)))
    file = make_image(tmp_path / "a.png")
    archive = tmp_path / "task_5.zip"
    with zipfile.ZipFile(archive, "w") as content:
        content.write(path, "annotations.xml")
        content.write(file, "images/a.png")
    report = import_labels(archive, tmp_path / "labels", skeleton=None)
    assert (report.name, report.n_images, report.left_out) == ("task_5", 1, {})
    assert (report.folder / "images" / "a.png").read_bytes() == file.read_bytes()


SEVERAL_SKELETONS = (
    "<meta><labels><label><name>a</name><parent>mouse</parent></label>"
    "<label><name>b</name><parent>rat</parent></label></labels></meta>"
)


@pytest.mark.parametrize(
    ("sections", "head", "reason"),
    [
        ((image(skeleton(POSE, inner=point("nose", 1, 1))),), None, "a.png: a skeleton has the point 'nose' twice"),
        ((image(point("nose", 1, 1, group=2), point("nose", 2, 2, group=2)),), "", "'nose' twice; correct it"),
        ((image(skeleton(POSE).replace("10.25,", "x,")),), None, "ValueError: could not convert"),
        ((image(skeleton(POSE).replace("10.25,20.50", "10.25")),), None, "ValueError: not enough values"),
        ((image(skeleton(POSE)).replace('name="a.png"', ""),), None, "KeyError: 'name'"),
        ((track(skeleton(POSE, frame=-1)),), meta(video="a.mp4"), "has the frame -1"),
        ((image(skeleton(POSE), more='subset="../.."'),), None, "does not stay in the images folder"),
        ((image(skeleton(POSE), name="/etc/passwd"),), None, "is an absolute path"),
        ((image(skeleton(POSE), name=r"C:\a.png"),), None, "is an absolute path"),
        ((image(skeleton(POSE), name="../a.png"),), None, "does not stay in the images folder"),
        ((image('<box label="a" xtl="0" ytl="0" xbr="1" ybr="1"/>'),), None, "these are not keypoint labels"),
        ((), None, "these are not keypoint labels"),
        (
            (image('<skeleton label="mouse"><points label="a" points="1,1"/></skeleton>',
                   '<skeleton label="rat"><points label="b" points="1,1"/></skeleton>'),),
            SEVERAL_SKELETONS,
            "different skeletons, 'mouse' and 'rat'",
        ),
        (
            (track(skeleton(POSE, frame=1)),),
            "<meta><project><tasks><task/><task/></tasks></project></meta>",
            "export the tasks one by one",
        ),
    ],
)  # fmt: skip
def test_contradictions_are_refused_in_one_line(write_xml, tmp_path: Path, sections, head, reason: str) -> None:
    path = write_xml(*sections, head=head)
    with pytest.raises(PoetlabError, match=reason) as caught:
        import_labels(path, tmp_path / "labels", skeleton=None)
    assert "annotations.xml" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "labels").exists()


def test_a_drawing_that_cannot_be_read_costs_the_edges_alone(write_xml) -> None:
    bomb = '<!DOCTYPE a [<!ENTITY b "x">]><line/>'
    for drawing in ("<line", bomb, '<line data-type="edge" data-node-from="8" data-node-to="9"/>'):
        labels = read_cvat(write_xml(image(skeleton(POSE)), head=meta(drawing=drawing)))
        assert labels.skeleton.edges == ()
        reason = "drawing of a skeleton that cannot be read (it has no edges then)"
        assert labels.left_out.summary() == {reason: (1, ("mouse",))}


def test_other_xml_is_not_cvat(tmp_path: Path) -> None:
    (tmp_path / "voc.xml").write_text("<annotation><folder>a</folder></annotation>")
    (tmp_path / "cvat.txt").write_text("<annotations><image ")
    assert not any(matches_cvat(tmp_path / name) for name in ("voc.xml", "cvat.txt", "none.xml", "."))


coordinates = st.floats(0, 1900).map(lambda value: round(value, 2))


@given(st.lists(st.tuples(coordinates, coordinates, st.integers(0, 2)), min_size=3, max_size=3))
def test_two_digits_keep_the_position(tmp_path_factory: pytest.TempPathFactory, pose) -> None:
    path = tmp_path_factory.mktemp("task") / "annotations.xml"
    path.write_text(f"<annotations>{meta()}{image(skeleton(POSE), skeleton(pose))}</annotations>")
    if any(visibility for _, _, visibility in pose):
        assert_poses(read_cvat(path), POSE, pose)
    else:
        assert_poses(read_cvat(path), POSE)


def test_the_coco_export_is_found_with_its_images_and_tracks(make_image, tmp_path: Path) -> None:
    """CVAT writes `annotations/person_keypoints_<subset>.json`, and what it knows beyond COCO as attributes."""
    categories = [
        {"id": 1, "name": "mouse", "supercategory": "", "keypoints": list(NAMES), "skeleton": [[1, 2]]},
        {"id": 2, "name": "nose", "supercategory": "mouse", "keypoints": [], "skeleton": []},
    ]
    attributes = {"occluded": False, "track_id": 4, "keyframe": True}
    annotation = {
        "id": 1, "image_id": 1, "category_id": 1, "segmentation": [], "area": 200.0, "bbox": [5, 5, 20, 10],
        "iscrowd": 0, "attributes": attributes, "keypoints": [10.25, 20.5, 2, 30, 24, 1, 0, 0, 0], "num_keypoints": 2,
    }  # fmt: skip
    images = [{"id": 1, "width": 64, "height": 48, "file_name": "a.png", "license": 0}]
    folder = tmp_path / "export"
    (folder / "annotations").mkdir(parents=True)
    content = {"licenses": [], "info": {}, "categories": categories, "images": images, "annotations": [annotation]}
    path = folder / "annotations" / "person_keypoints_default.json"
    path.write_text(json.dumps(content))
    make_image(folder / "images" / "default" / "a.png")
    assert detect_format(folder)[1] == path
    report = import_labels(folder, tmp_path / "labels", skeleton=None)
    (stored,) = load_label_set(report.folder).images
    assert [(i.individual, i.bbox, i.area) for i in stored.instances] == [("4", (5, 5, 20, 10), 200)]
    np.testing.assert_array_equal(read_coco(path).images[0].instances[0].keypoints, KEYPOINTS)


@pytest.mark.parametrize(
    ("source", "made_by"), [("auto", "model"), ("semi-auto", "corrected"), ("manual", None), ("file", None)]
)
def test_the_source_of_a_shape_says_who_made_the_animal(write_xml, source: str, made_by: str | None) -> None:
    said = f'source="{source}"'
    score = '<attribute name="score">0.75</attribute>'
    drawn = skeleton(POSE, inner=score).replace('label="mouse" source="manual"', f'label="mouse" {said}')
    (one,) = read_cvat(write_xml(image(drawn))).images[0].instances
    tracked = track(skeleton(POSE, frame=0), skeleton(POSE, frame=1, key=0)).replace('source="manual"', said, 1)
    (other,) = read_cvat(write_xml(tracked, head=meta(video="cam.mp4"))).images[0].instances
    found = [
        instance.provenance and (instance.provenance.made_by, instance.provenance.score) for instance in (one, other)
    ]
    assert found == ([(made_by, 0.75), (made_by, None)] if made_by else [None, None])


@pytest.mark.parametrize(
    ("sources", "made_by"), [(("auto", "auto"), "model"), (("auto", "manual"), "corrected"), (("manual", "file"), None)]
)
def test_points_in_a_group_are_a_model_s_if_all_are(write_xml, sources: tuple[str, str], made_by: str | None) -> None:
    shapes = [
        f'<points label="{name}" source="{source}" occluded="0" points="3,4" group_id="1"></points>'
        for name, source in zip(NAMES, sources, strict=False)
    ]
    (instance,) = read_cvat(write_xml(image(*shapes), head="<meta></meta>")).images[0].instances
    assert (instance.provenance and instance.provenance.made_by) == made_by
