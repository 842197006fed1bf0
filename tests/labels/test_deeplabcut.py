"""Reading DeepLabCut's projects and tables, written here in the layouts that DeepLabCut writes."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
import tables
import yaml

from poetlab.errors import LabelError
from poetlab.labels.deeplabcut import matches_deeplabcut, read_deeplabcut
from poetlab.labels.formats import detect_format
from poetlab.labels.importing import import_labels
from poetlab.labels.label_set import load_label_set
from poetlab.labels.source_labels import SourceLabels

PARTS = ["snout", "leftear", "rightear"]
SINGLE_CONFIG = {
    "Task": "reaching",
    "scorer": "anna",
    "multianimalproject": None,
    "bodyparts": PARTS,
    "skeleton": [["snout", "leftear"], ["snout", "rightear"]],
}
MULTI_CONFIG = {
    "Task": "cage",
    "scorer": "anna",
    "multianimalproject": True,
    "identity": False,
    "individuals": ["m1", "m2"],
    "uniquebodyparts": ["corner"],
    "multianimalbodyparts": ["tail", "snout"],
    "bodyparts": "MULTI!",
    "skeleton": [["tail", "snout"]],
}
MULTI_COLUMNS = [("m1", "snout"), ("m1", "tail"), ("m2", "snout"), ("m2", "tail"), ("single", "corner")]


def frame(points: np.ndarray, columns: list, names: list, scorer: str = "anna") -> pd.DataFrame:
    """DeepLabCut's table: `columns` are bodyparts, or (individual, bodypart); `names` are paths or tuples of parts."""
    levels = ["scorer", "individuals", "bodyparts", "coords"]
    full = [(scorer, *((c,) if isinstance(c, str) else c), coord) for c in columns for coord in ("x", "y")]
    header = pd.MultiIndex.from_tuples(full, names=levels if len(full[0]) == 4 else [levels[0], *levels[2:]])
    index = pd.MultiIndex.from_tuples(names) if isinstance(names[0], tuple) else pd.Index(names)
    return pd.DataFrame(np.reshape(points, (len(names), -1)), columns=header, index=index)


def write_tables(folder: Path, table: pd.DataFrame, kinds: str = "csv h5", **options: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"CollectedData_{table.columns[0][0]}.csv"
    if "csv" in kinds:
        table.to_csv(path)
    if "h5" in kinds:
        table.to_hdf(path.with_suffix(".h5"), key="df_with_missing", mode="w", **options)
    return path


def make_points(n_images: int, n_columns: int) -> np.ndarray:
    """(images, columns, 2) inside 64 x 48 pixels, one of them missing."""
    points = np.random.default_rng(3).uniform(1, 45, (n_images, n_columns, 2))
    points[0, 1] = np.nan
    return points


@pytest.fixture
def project(tmp_path: Path, make_image: Callable[..., Path]) -> Callable[..., Path]:
    """A function that writes a project of two videos with two images each."""

    def make(columns: list, config: dict[str, Any] | None, kinds: str = "csv h5", *, parts: int = 3) -> Path:
        folder = tmp_path / "project-anna-2024"
        points = make_points(4, len(columns)).reshape(2, 2, len(columns), 2)
        for video, of_video in zip(("day1", "day2"), points, strict=True):
            names = [("labeled-data", video, f"img{number}.png") for number in range(2)]
            for name in names:
                make_image(folder.joinpath(*name))
            joined = names if parts == 3 else ["\\".join(name) if parts == 0 else "/".join(name) for name in names]
            write_tables(folder / "labeled-data" / video, frame(of_video, columns, joined), kinds)
        if config:
            (folder / "config.yaml").write_text(yaml.safe_dump(config))
        return folder

    return make


def labeled(labels: SourceLabels) -> dict[tuple[str, str | None], np.ndarray]:
    return {(image.file_name, one.individual): one.keypoints for image in labels.images for one in image.instances}


def expected_keypoints(points: np.ndarray) -> np.ndarray:
    visibility = np.where(np.isnan(points[..., :1]), 0, 2)
    return np.concatenate([points, visibility], axis=-1)


@pytest.mark.parametrize("kinds", ["csv", "h5", "csv h5"])
@pytest.mark.parametrize("parts", [0, 1, 3])
def test_a_project_of_single_animals_comes_in_whole(project, kinds: str, parts: int) -> None:
    labels = read_deeplabcut(project(["rightear", "snout", "leftear"], SINGLE_CONFIG, kinds, parts=parts))
    assert labels.skeleton.name == "reaching"
    assert labels.skeleton.keypoints == tuple(PARTS)  # the config's order, not the file's
    assert labels.skeleton.edges == (("snout", "leftear"), ("snout", "rightear"))
    assert labels.skeleton.symmetries == (("leftear", "rightear"),)
    names = [f"labeled-data/{video}/img{number}.png" for video in ("day1", "day2") for number in range(2)]
    expected = expected_keypoints(make_points(4, 3))[:, [1, 2, 0]]
    found = labeled(labels)
    assert list(found) == [(name, None) for name in names]
    np.testing.assert_allclose(list(found.values()), expected, rtol=1e-14, equal_nan=True)
    assert labels.left_out.summary() == {}


@pytest.mark.parametrize("kinds", ["csv", "h5"])
def test_individuals_are_kept_and_unique_bodyparts_are_counted(project, kinds: str) -> None:
    labels = read_deeplabcut(project(MULTI_COLUMNS, MULTI_CONFIG, kinds))
    assert labels.skeleton.keypoints == ("tail", "snout")
    assert labels.skeleton.edges == (("tail", "snout"),)
    points = expected_keypoints(make_points(4, 5))
    found = labeled(labels)
    assert len(found) == 8
    for place, individual in ((0, "m1"), (2, "m2")):
        of_one = [keypoints for (_, name), keypoints in found.items() if name == individual]
        np.testing.assert_allclose(of_one, points[:, [place + 1, place]], rtol=1e-14, equal_nan=True)
    ((reason, counted),) = labels.left_out.summary().items()
    assert reason == "point of a unique bodypart (the individuals have others)"
    assert counted == (4, ("corner",))


def test_without_a_config_the_order_is_the_files(project) -> None:
    labels = read_deeplabcut(project(["b", "a"], None))
    assert labels.skeleton.keypoints == ("b", "a")
    assert labels.skeleton.name == "project-anna-2024"


def test_every_way_to_name_a_project_is_detected_and_imported(project, tmp_path: Path) -> None:
    folder = project(MULTI_COLUMNS, MULTI_CONFIG)
    video = folder / "labeled-data" / "day1"
    sources = {
        folder: 4,
        folder / "config.yaml": 4,
        video: 2,
        video / "CollectedData_anna.h5": 2,
        video / "CollectedData_anna.csv": 2,
    }
    for number, (source, n_images) in enumerate(sources.items()):
        assert detect_format(source)[0].name == "dlc"
        report = import_labels(source, tmp_path / "labels", skeleton=None, name=f"set{number}")
        assert (report.n_images, report.n_instances) == (n_images, 2 * n_images)
        assert report.skeleton.keypoints == ("tail", "snout")
        stored = load_label_set(report.folder)
        assert {instance.individual for instance in stored.instances} == {"m1", "m2"}
        assert all(stored.image_path(image).is_file() for image in stored.images)
    assert import_labels(folder / "config.yaml", tmp_path / "labels", skeleton=None).name == "project-anna-2024"
    assert import_labels(video / "CollectedData_anna.csv", tmp_path / "labels", skeleton=None).name == "day1"


def test_an_image_without_labels_is_left_out_and_a_missing_image_is_told(project, tmp_path: Path) -> None:
    folder = project(PARTS, SINGLE_CONFIG, "csv")
    video = folder / "labeled-data" / "day1"
    names = [f"labeled-data/day1/img{number}.png" for number in range(3)]
    points = make_points(3, 3)
    points[0] = np.nan
    points[1, 0, 1] = np.nan  # an x without its y
    write_tables(video, frame(points, PARTS, names), "csv")
    report = import_labels(folder, tmp_path / "labels", skeleton=None)
    assert report.n_images == 3
    assert report.left_out == {
        "image without a labeled point (it may just not be labeled yet)": (1, (names[0],)),
        "keypoint whose position is not a number": (1, (names[1],)),
        "image file is missing": (1, (names[2],)),
        "animal on an image that is left out": (1, (names[2],)),
    }


def test_bodyparts_and_edges_that_the_config_does_not_list_are_counted(project) -> None:
    config = SINGLE_CONFIG | {"bodyparts": ["snout", "leftear"]}
    labels = read_deeplabcut(project(PARTS, config))
    assert labels.skeleton.keypoints == ("snout", "leftear")
    assert labels.skeleton.edges == (("snout", "leftear"),)
    assert labels.left_out.summary() == {
        "point of a bodypart that config.yaml does not list": (4, ("rightear",)),
        "edge that does not link two of the listed bodyparts": (1, ("snout-rightear",)),
    }


def test_of_several_scorers_the_configs_is_read(project) -> None:
    folder = project(PARTS, SINGLE_CONFIG)
    video = folder / "labeled-data" / "day1"
    names = [f"labeled-data/day1/img{number}.png" for number in range(2)]
    write_tables(video, frame(np.ones((2, 3, 2)), PARTS, names, "bob"), "csv")
    labels = read_deeplabcut(folder)
    np.testing.assert_allclose(labels.images[1].instances[0].keypoints[:, :2], make_points(4, 3)[1])
    reason = "table of another scorer than config.yaml's"
    assert labels.left_out.summary() == {reason: (1, ("day1/CollectedData_bob.csv",))}
    (folder / "config.yaml").write_text(yaml.safe_dump(SINGLE_CONFIG | {"scorer": "eve"}))
    with pytest.raises(LabelError, match=r"several scorers \(CollectedData_anna, CollectedData_bob\)"):
        read_deeplabcut(folder)


def test_an_absolute_path_is_cut_to_the_project_and_no_name_leads_out_of_it(tmp_path: Path, make_image) -> None:
    make_image(tmp_path / "day1" / "a.png")
    for name in (r"C:\Users\anna\p\labeled-data\day1\a.png", "/home/anna/p/labeled-data/day1/a.png"):
        path = write_tables(tmp_path / "day1", frame(make_points(1, 3), PARTS, [name]), "csv")
        assert read_deeplabcut(path).images[0].file_name == "labeled-data/day1/a.png"
    for name in ("/etc/passwd.png", "../../secret.png", "/p/labeled-data/../../a.png", r"C:\a.png"):
        path = write_tables(tmp_path / "day1", frame(make_points(1, 3), PARTS, [name]), "csv")
        with pytest.raises(LabelError, match=r"absolute path|does not stay") as caught:
            import_labels(path, tmp_path / "labels", skeleton=None)
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "labels" / "day1").exists()


def test_a_repeated_row_is_dropped_if_it_says_the_same_and_refused_otherwise(tmp_path: Path) -> None:
    points = make_points(2, 3)
    same = frame(points[[0, 1, 0]], PARTS, ["a.png", "b.png", "a.png"])
    labels = read_deeplabcut(write_tables(tmp_path / "same", same, "csv"))
    assert len(labels.images) == 2
    ((reason, counted),) = labels.left_out.summary().items()
    assert reason.startswith("repeated row")
    assert counted == (1, ("a.png",))
    other = frame(points, PARTS, ["a.png", "a.png"])
    with pytest.raises(LabelError, match=r"'a\.png' is labeled twice, with different points"):
        read_deeplabcut(write_tables(tmp_path / "other", other, "csv"))


def test_empty_cells_may_be_left_out_at_the_end_of_a_row_but_no_row_is_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "CollectedData_LM.csv"
    text = (
        "scorer,,,LM,LM,LM,LM,LM,LM\nindividuals,,,i1,i1,i2,i2,single,single\nbodyparts,,,A,A,A,A,D,D\n"
        "coords,,,x,y,x,y,x,y\nlabeled-data,video,img000.png,1,2\nlabeled-data,video,img001.png\n"
        "labeled-data,video,img002.png,3,4,5,6,7,8\n"
    )
    path.write_text(text)
    labels = read_deeplabcut(path)
    assert {key: found.tolist() for key, found in labeled(labels).items()} == {
        ("labeled-data/video/img000.png", "i1"): [[1, 2, 2]],
        ("labeled-data/video/img002.png", "i1"): [[3, 4, 2]],
        ("labeled-data/video/img002.png", "i2"): [[5, 6, 2]],
    }
    for cut in (text[:-3], text[:-5], text[:-12]):
        path.write_text(cut)
        with pytest.raises(LabelError, match="line 7: the file is cut short"):
            read_deeplabcut(path)


def test_pickled_h5_is_never_loaded_but_its_csv_is(tmp_path: Path) -> None:
    table = frame(make_points(2, 3), PARTS, ["labeled-data/v/a.png", "labeled-data/v/b.png"])
    path = write_tables(tmp_path / "v", table, "csv h5", format="table")
    for source in (tmp_path / "v", path.with_suffix(".h5")):
        labels = read_deeplabcut(source)
        assert len(labels.images) == 2
        assert any("the CSV beside it is read" in reason for reason in labels.left_out.summary())
    path.unlink()
    assert matches_deeplabcut(path.with_suffix(".h5"))
    with pytest.raises(LabelError, match="holds pickled objects, which could run code and are never loaded"):
        read_deeplabcut(path.with_suffix(".h5"))


def test_pickled_values_are_never_loaded(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "it_ran",))

    table = frame(make_points(1, 3), PARTS, ["a.png"])
    path = write_tables(tmp_path / "v", table, "h5").with_suffix(".h5")
    with tables.open_file(str(path), "a") as file:
        file.remove_node("/df_with_missing/block0_values")
        values = file.create_vlarray("/df_with_missing", "block0_values", tables.ObjectAtom())
        values.append(Trap())
        file.root.df_with_missing._v_attrs.extra = [Trap()]
    (tmp_path / "it_ran").unlink(missing_ok=True)
    with pytest.raises(LabelError, match="holds pickled objects"):
        read_deeplabcut(path)
    assert not (tmp_path / "it_ran").exists()


@pytest.mark.parametrize(
    "attack", ["external link", "external file", "huge array", "huge axis", "no frame", "cut short"]
)
def test_hostile_h5_is_refused_in_one_line(tmp_path: Path, attack: str) -> None:
    table = frame(make_points(1, 3), PARTS, ["a.png"])
    path = write_tables(tmp_path / "v", table, "h5").with_suffix(".h5")
    if attack == "cut short":
        path.write_bytes(path.read_bytes()[:5000])
    else:
        with h5py.File(path, "a") as file:
            group = file["df_with_missing"]
            if attack == "no frame":
                del file["df_with_missing"]
            else:
                name = "axis1" if attack == "huge axis" else "block0_values"
                attributes = dict(group[name].attrs)
                del group[name]
                if attack == "external link":
                    group[name] = h5py.ExternalLink("/etc/hostname", "/")
                elif attack == "external file":
                    group.create_dataset(name, (1, 6), "f8", external=[("/etc/passwd", 0, 48)])
                elif attack == "huge array":
                    group.create_dataset(name, (10**12, 6), "f8", chunks=(1000, 6))
                else:
                    group.create_dataset(name, (10**8,), "S1", chunks=(1000,)).attrs.update(
                        {"kind": attributes["kind"]}
                    )
    with pytest.raises(LabelError) as caught:
        read_deeplabcut(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda text: text.replace("anna", "bob", 1), "scorers anna, bob"),
        (lambda text: text.replace("coords,x,y", "coords,x,z"), "a column 'z'"),
        (lambda text: text.replace("coords,x,y", "coords,x,x"), "two columns 'x' of 'snout'"),
        (lambda text: text.replace("a.png,", "a.png,left", 1), "line 4: could not convert"),
        (lambda text: text.replace("a.png,", "a.png,1,", 1), "line 4: the row has 8 cells"),
        (lambda text: text.replace("bodyparts", "parts"), "no header of scorer, bodyparts and coords"),
        (lambda text: text + "x" * 2**21, "a line is longer than"),
        (lambda _: "", "no header"),
    ],
)
def test_a_malformed_csv_is_named(tmp_path: Path, change: Callable[[str], str], reason: str) -> None:
    path = write_tables(tmp_path / "v", frame(make_points(1, 3), PARTS, ["a.png"]), "csv")
    path.write_text(change(path.read_text()))
    with pytest.raises(LabelError, match=reason) as caught:
        read_deeplabcut(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_predictions_are_no_labels(tmp_path: Path) -> None:
    header = pd.MultiIndex.from_product([["net"], PARTS, ["x", "y", "likelihood"]])
    header.names = ["scorer", "bodyparts", "coords"]
    table = pd.DataFrame(np.ones((2, 9)), columns=header)
    table.to_csv(tmp_path / "video.csv")
    table.to_hdf(tmp_path / "video.h5", key="df_with_missing", mode="w")
    for path in (tmp_path / "video.csv", tmp_path / "video.h5"):
        assert not matches_deeplabcut(path)
        with pytest.raises(LabelError, match="a column 'likelihood', as predictions have"):
            read_deeplabcut(path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("bodyparts: [a, a\n", "not valid YAML"),
        ("bodyparts: 5\n", "is not a list of names"),
        ("bodyparts: [a, [b]]\n", "has an entry that is no name"),
        ("bodyparts: [a, true]\n", "has an entry that is no name"),
        ("bodyparts: !!python/object/apply:os.system [ls]\n", "not valid YAML"),
    ],
)
def test_a_malformed_config_is_named(project, text: str, reason: str) -> None:
    folder = project(PARTS, None)
    (folder / "config.yaml").write_text(text)
    with pytest.raises(LabelError, match=reason) as caught:
        read_deeplabcut(folder)
    assert "config.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_other_files_are_not_deeplabcuts(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    (tmp_path / "config.yaml").write_text("model: poet-r50\n")
    pd.DataFrame({"x": [1]}).to_hdf(tmp_path / "a.h5", key="table")
    (tmp_path / "b.h5").write_bytes(b"nothing")
    assert not any(matches_deeplabcut(path) for path in (tmp_path, *tmp_path.iterdir()))


@pytest.mark.shared_data
def test_a_real_recording_comes_in_without_loss(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "mirror_mouse"
    report = import_labels(source / "CollectedData.csv", tmp_path / "labels", skeleton=None, label_format="dlc")
    with (source / "CollectedData.csv").open(newline="") as file:
        _, names, _, *rows = csv.reader(file)
    stored = load_label_set(report.folder)
    assert stored.skeleton.keypoints == tuple(names[1::2])
    assert (report.n_images, report.left_out) == (len(rows), {}) == (90, {})
    cells = {row[0]: [float(cell) if cell else np.nan for cell in row[1:]] for row in rows}
    for image in stored.images:
        (instance,) = image.instances
        np.testing.assert_array_equal(instance.keypoints[:, :2].ravel(), cells[image.file_name])
        np.testing.assert_array_equal(instance.keypoints[:, 2], np.where(np.isnan(instance.keypoints[:, 0]), 0, 2))
