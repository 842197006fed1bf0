"""`poetlab evaluate` with a network that was never trained: what it writes, prints and refuses."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from poetlab.labels.label_set import VISIBLE
from poetlab.model.checkpoint import Snapshot, save_snapshot
from poetlab.model.poet import Poet
from poetlab.model.pose_vector import PosePrediction, QueryClass, encode_vectors, pixels_to_unit
from poetlab.model.presets import ModelSettings
from poetlab.project import Project, create_project
from poetlab.workflow.importing import import_labels

Run = Callable[..., Any]
"""The fixture that runs a command."""

N_LAYERS = 3


def new_network(n_keypoints: int) -> Poet:
    """A small network that was never trained."""
    settings = ModelSettings(
        backbone="resnet18",
        n_queries=25,
        n_encoder_layers=1,
        n_decoder_layers=N_LAYERS,
        n_heads=2,
        n_features=16,
        n_feedforward=16,
    )
    torch.manual_seed(0)
    return Poet(settings, n_keypoints)


def save_network(project: Project, model: Poet) -> None:
    """Make a network the best of the project's one run."""
    (project.models_dir / "001-tiny").mkdir()
    facts = {"image_size": {"short_side": [48, 64], "long_side": 64}}
    snapshot = Snapshot(model.settings, project.skeleton(), model.state_dict(), facts)
    save_snapshot(project.models_dir / "001-tiny" / "best.safetensors", snapshot)


@pytest.fixture
def trained(project: Project) -> Project:
    """The project with drawn labels and a network whose every query sees about the first animal for validation."""
    model = new_network(project.skeleton().n_keypoints)
    (label_set,) = project.label_sets()
    image = next(image for image in label_set.select("val").images if any(each.n_labeled for each in image.instances))
    animal = next(each for each in image.instances if each.n_labeled)
    keypoints = pixels_to_unit(torch.from_numpy(animal.keypoints[:, :2]).float(), image.size)
    center = keypoints.nanmean(0)
    visibility = torch.from_numpy(animal.keypoints[:, 2] == VISIBLE).float().clamp(0.1, 0.9)
    pose = PosePrediction(center, (keypoints - center).nan_to_num(), visibility)
    with torch.no_grad():
        model.pose_head[4].weight.mul_(0.2)  # what is left tells queries and layers apart
        model.pose_head[4].bias.copy_(encode_vectors(pose).logit())
        model.class_head.bias[QueryClass.INDIVIDUAL] = 4
    save_network(project, model)
    return project


def written(project: Project) -> set[str]:
    return {path.name for path in (project.models_dir / "001-tiny").iterdir()} - {"best.safetensors"}


def report_of(project: Project, name: str) -> dict[str, Any]:
    return json.loads((project.models_dir / "001-tiny" / name).read_text())


def test_an_evaluation_leaves_figures_detections_and_plots(run: Run, trained: Project) -> None:
    outcome = run("evaluate", "--project", trained.path)
    assert outcome.status == 0, outcome.text
    name = "evaluation_best_val"
    assert written(trained) == {
        f"{name}.json", f"{name}_detections.json",
        f"{name}_centers.png", f"{name}_visibility.png", f"{name}_reliability.png",
    }  # fmt: skip
    for plot in ("centers", "visibility", "reliability"):
        with Image.open(trained.models_dir / "001-tiny" / f"{name}_{plot}.png") as image:
            image.load()
    report = report_of(trained, f"{name}.json")
    assert (report["snapshot"], report["split"]) == ("best.safetensors", "val")
    assert (report["n_decoder_layers"], report["most_detections"]) == (N_LAYERS, 20)
    assert report["area_rule"] == "as given in the file"
    assert report["center_error"]["n"] > 0
    visibility = report["visibility"]
    assert visibility["n_visible"] + visibility["n_occluded"] + visibility["n_unlabeled"] > 0
    calibration = report["calibration"]
    assert calibration["n"] == visibility["n_visible"] + visibility["n_occluded"] + visibility["n_unlabeled"]
    assert sum(each["n"] for each in calibration["bins"]) == calibration["n"]
    lines = outcome.text.splitlines()
    row = lines[next(number for number, line in enumerate(lines) if line.startswith("keypoints ")) + 1].split()
    names = ("visible", "predicted", "error", "error_by_chance", "brier_score")
    assert row == [str(calibration["n"]), *(f"{calibration[name]:.3f}" for name in names)]
    assert f"missed (recall {report['recall']:.3f})" in outcome.text
    assert next(line for line in lines if line).startswith("evaluating val")
    assert any(line.startswith("areas that scale OKS: as given in the file; sigmas: ") for line in lines)
    assert any(line.endswith("; at most 20 detections an image count") for line in lines)
    assert any(
        line.startswith(f"centers of matched animals ({report['center_error']['n']}): median error") for line in lines
    )
    right = f"{visibility['visible_seen']:.2%} of {visibility['n_visible']} visible ones"
    assert any(line.startswith("visibility is right for") and right in line for line in lines)


def test_pycocotools_gets_the_same_figures_from_the_files(run: Run, trained: Project) -> None:
    assert run("evaluate", "--project", trained.path).status == 0
    truth = COCO(trained.labels_dir / "drawn" / "annotations.json")
    detections = trained.models_dir / "001-tiny" / "evaluation_best_val_detections.json"
    evaluator = COCOeval(truth, truth.loadRes(str(detections)), "keypoints")
    evaluator.params.kpt_oks_sigmas = np.array(truth.loadCats(1)[0]["sigmas"])
    evaluator.params.imgIds = [image["id"] for image in truth.dataset["images"] if image["split"] == "val"]
    evaluator.evaluate()
    evaluator.accumulate()
    evaluator.summarize()
    found = list(report_of(trained, "evaluation_best_val.json")["coco"].values())
    assert found == [None if value == -1 else value for value in evaluator.stats]
    assert any(found), "a figure is neither 0 nor missing"


@pytest.mark.shared_data
def test_macaques_are_scaled_by_boxes_around_masks(run: Run, shared_data: Path, tmp_path: Path) -> None:
    project = create_project(tmp_path / "study", "macaque")
    import_labels(project, shared_data / "macaque" / "annotations.csv", name="macaques")
    save_network(project, new_network(project.skeleton().n_keypoints))
    outcome = run("evaluate", "--split", "macaques", "--project", project.path)
    rule = "area of the box fitted around the segmentation mask"
    assert f"areas that scale OKS: {rule}; sigmas: those of coco-person; at most 20" in outcome.text
    report = report_of(project, "evaluation_best_macaques.json")
    assert (report["area_rule"], report["sigma_rule"]) == (rule, "those of coco-person")
    assert report["sigmas"]["left_hip"] == 0.107


@pytest.mark.shared_data
def test_labels_without_areas_are_scaled_by_boxes_around_keypoints(run: Run, shared_data: Path, tmp_path: Path) -> None:
    """As other tools do that have no masks: the file of the same labels in COCO's form has these areas."""
    project = create_project(tmp_path / "study")
    import_labels(project, shared_data / "flies_pair" / "labels.slp", name="flies")
    save_network(project, new_network(project.skeleton().n_keypoints))
    outcome = run("evaluate", "--split", "flies", "--project", project.path)
    rule = "area of the box around the labeled keypoints"
    assert f"areas that scale OKS: {rule}; sigmas: 0.05 for every keypoint; at most 20" in outcome.text
    coco = COCO(shared_data / "flies_pair" / "labels_coco.json")
    expected = sorted(each["area"] for each in coco.dataset["annotations"])
    areas = sorted(animal.area for animal in project.label_set("flies").instances)
    np.testing.assert_allclose(areas, expected, atol=0.01)


def test_all_decoder_layers_are_compared(run: Run, trained: Project) -> None:
    outcome = run("evaluate", "--decoder-layers", "all", "--project", trained.path)
    assert outcome.status == 0, outcome.text
    name = "evaluation_best_val_decoder_layers"
    assert {f"{name}.json", f"{name}.png", f"{name}_detections.json"} <= written(trained)
    report = report_of(trained, f"{name}.json")
    assert len(report["coco_by_decoder_layer"]) == report["n_decoder_layers"] == N_LAYERS
    assert report["coco_by_decoder_layer"][-1] == report["coco"]
    lines = outcome.text.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("decoder layers"))
    shown = [line.split() for line in lines[start + 1 : start + 1 + N_LAYERS]]
    expected = [f"{layer['AR']:.3f}" for layer in report["coco_by_decoder_layer"]]
    assert [(int(line[0]), line[6]) for line in shown] == list(enumerate(expected, start=1))


def test_some_decoder_layers_are_a_network(run: Run, trained: Project) -> None:
    assert run("evaluate", "--decoder-layers", "all", "--project", trained.path).status == 0
    by_layer = report_of(trained, "evaluation_best_val_decoder_layers.json")["coco_by_decoder_layer"]
    for number in (1, N_LAYERS):
        assert run("evaluate", "--decoder-layers", str(number), "--project", trained.path).status == 0
        report = report_of(trained, f"evaluation_best_val_decoder_layers_{number}.json")
        assert report["n_decoder_layers"] == number
        assert report["coco"] == pytest.approx(by_layer[number - 1])
        assert "coco_by_decoder_layer" not in report


@pytest.mark.parametrize("layers", ["0", "4", "99999999999999999999"])
def test_decoder_layers_that_the_network_lacks(run: Run, trained: Project, layers: str) -> None:
    outcome = run("evaluate", "--decoder-layers", layers, "--project", trained.path)
    assert outcome.fails_in_one_line("3 decoder layers", f"no first {layers}", "from 1 to 3")
    assert written(trained) == set()


@pytest.mark.parametrize("layers", ["", "-1", "two", "1.5", "²"])
def test_decoder_layers_that_are_no_number(run: Run, trained: Project, layers: str) -> None:
    outcome = run("evaluate", f"--decoder-layers={layers}", "--project", trained.path)
    assert outcome.fails_in_one_line("--decoder-layers", "all")


def test_nothing_found_is_said_and_not_drawn(run: Run, trained: Project) -> None:
    assert run("evaluate", "--project", trained.path).status == 0
    config = trained.path / "config.yaml"
    config.write_text(config.read_text().replace("threshold: 0.5", "threshold: 1.0"))
    outcome = run("evaluate", "--project", trained.path)
    assert outcome.status == 0
    assert "centers: no matched animal has a visible keypoint" in outcome.text
    assert "visibility: no animal is matched" in outcome.text
    assert written(trained) == {"evaluation_best_val.json", "evaluation_best_val_detections.json"}


def test_a_folder_that_cannot_be_written_is_one_line_before_the_work(
    run: Run, trained: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("tempfile.TemporaryFile", fail)
    monkeypatch.setattr("poetlab.workflow.evaluating.predict_images", fail)
    outcome = run("evaluate", "--project", trained.path)
    assert outcome.fails_in_one_line("001-tiny", "Read-only file system", "full?")


def test_a_disk_that_fills_up_is_one_line_and_leaves_no_pieces(
    run: Run, trained: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("evaluate", "--project", trained.path).status == 0
    folder = trained.models_dir / "001-tiny"
    before = {path: path.read_bytes() for path in folder.iterdir()}

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    assert run("evaluate", "--project", trained.path).fails_in_one_line("001-tiny", "No space left on device")
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_a_snapshot_from_elsewhere_is_reported_in_results(run: Run, trained: Project, tmp_path: Path) -> None:
    elsewhere = (trained.models_dir / "001-tiny" / "best.safetensors").rename(tmp_path / "other.safetensors")
    assert run("evaluate", "--snapshot", elsewhere, "--split", "drawn", "--project", trained.path).status == 0
    assert {path.name for path in trained.results_dir.iterdir()} >= {
        "evaluation_other_drawn.json",
        "evaluation_other_drawn_detections.json",
    }
