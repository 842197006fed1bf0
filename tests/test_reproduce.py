"""The page on reproducing the paper: its settings, its commands, and that they leave the files that it names."""

import json
import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import typer.main
import yaml
from PIL import Image
from torchvision.models import resnet18

from poetlab.cli.main import app
from poetlab.config import Config, load_config
from poetlab.model.checkpoint import Snapshot, save_snapshot
from poetlab.model.poet import Poet
from poetlab.model.presets import PRESETS, ModelSettings
from poetlab.skeleton import load_skeleton
from poetlab.weights.catalog import PublishedWeights
from poetlab.workflow import training

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "reproduce.md").read_text(encoding="utf-8")
EXAMPLES = ROOT / "examples" / "reproduce"
SETTINGS = sorted(EXAMPLES.glob("*.yaml"))
any_settings = pytest.mark.parametrize("path", SETTINGS, ids=lambda path: path.stem)


def shell_lines() -> list[str]:
    """The lines of all shell blocks of the page, in order."""
    return [line for block in re.findall(r"```bash\n(.*?)```", PAGE, flags=re.DOTALL) for line in block.splitlines()]


def unrolled(lines: Sequence[str], n_rounds: int | None = None) -> Iterator[list[str]]:
    """The commands as words, those in a loop once a round; of each loop at most `n_rounds`."""
    values: list[str] = []
    body: list[str] = []
    for line in lines:
        if loop := re.fullmatch(r"for row in (.+); do", line):
            values, body = loop[1].split(), []
        elif line == "done":
            for value in values[:n_rounds]:
                yield from (shlex.split(each.replace("$row", value)) for each in body)
            values = []
        elif values:
            body.append(line)
        else:
            yield shlex.split(line)


COMMANDS = list(unrolled(shell_lines()))
COPIED = [(words[1], words[2]) for words in COMMANDS if words[0] == "cp"]


def table(heading: str) -> list[list[str]]:
    """The rows below the header of the first table of a section."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = re.search(r"(?:^\|.*\n)+", section, flags=re.MULTILINE)
    assert lines is not None
    return [[cell.strip().strip("`") for cell in line.strip("|\n").split("|")] for line in lines[0].splitlines()[2:]]


@any_settings
def test_settings_files_load(path: Path) -> None:
    assert isinstance(load_config(path), Config)


def test_every_settings_file_is_used_and_every_file_used_is_there() -> None:
    assert {ROOT / source for source, _ in COPIED} == set(SETTINGS)
    assert all(target in {"coco/config.yaml", "coco512/config.yaml", "macaque/config.yaml"} for _, target in COPIED)


@pytest.mark.parametrize("heading", ["Table 2", "Table 3"])
def test_settings_files_have_the_weights_of_their_row(heading: str) -> None:
    rows = table(heading)
    assert len(rows) == {"Table 2": 5, "Table 3": 11}[heading]
    for name, *cells in rows:
        loss = load_config(EXAMPLES / name).training.loss
        if heading == "Table 2":
            assert [loss.keypoints, loss.centers, loss.offsets] == [float(cell) for cell in cells[:3]], name
            assert not loss.offsets_with_center
        else:
            assert [loss.keypoints, loss.offsets] == [float(cell) for cell in cells[:2]], name
            assert loss.offsets_with_center == (cells[2] == "yes"), name
            assert loss.centers == 0.5
        assert loss.visibility == 0.2
    looped = [
        Path(source).name for source, _ in COPIED if Path(source).name.startswith(heading.lower().replace(" ", ""))
    ]
    assert looped == [name for name, *_ in rows if name in looped], "the runs are numbered in the order of the rows"


@any_settings
def test_settings_files_have_the_papers_schedule(path: Path) -> None:
    config = load_config(path)
    name, train = path.stem, config.training
    is_large = name == "table1"
    is_dilated = "dc5" in name
    is_short = name.startswith("table3") and name != "table3_offsets_20_with_center"
    assert config.preset == ("poet-dc5-r50" if is_dilated else "poet-r50")
    assert config.image_size.short_side == (400, 800)
    assert config.image_size.long_side == (1333 if is_large else 512)
    assert train.batch_size == (12 if is_large else 50 if is_dilated else 64)
    factor = 1 if is_large else 2
    assert train.learning_rate == pytest.approx(factor * 5e-5)
    assert train.backbone_learning_rate == pytest.approx(factor * 5e-6)
    assert train.epochs == (50 if is_short else 250)
    # the rates drop after epoch 200, which runs of 50 epochs do not reach
    first_dropped = next((e for e in range(train.epochs) if e >= train.learning_rate_drop * train.epochs), None)
    assert first_dropped == (None if is_short else 200)
    assert train.weight_decay == 1e-4
    assert train.negatives == (name in {"table4_poet_r50", "table4_poet_dc5_r50"})
    assert any(epoch % train.validate_every == 0 for epoch in (1, 50)), "epoch 50 is measured"


def test_the_figures_of_the_paper_are_beside_ours_of_which_none_was_run() -> None:
    expected = {
        "Table 1": "53.6 82.2 57.6 42.5 68.1 61.4 87.8 65.5 50.8 75.7",
        "Table 2": "48.5 48.5 48.2 47.9 47.0",
        "Table 3": "8.4 18.0 11.1 20.0 9.3 19.0 2.1 12.0 2.2 18.7 32.2",
        "Table 4": "52.5 75.4 65.5 68.2 75.5 77.1",
    }
    columns = {"Table 1": 1, "Table 2": 4, "Table 3": 4, "Table 4": 2}
    for heading, figures in expected.items():
        assert " ".join(row[columns[heading]].split(",")[0] for row in table(heading)) == figures
    headings = "Table 1", "Table 2", "Table 3", "Table 4", "Figure 3", "Figure 5", "Figure 8", "Figure 9", "Figure 10"
    for heading in (*headings, "Figure 12"):
        assert {row[-1] for row in table(heading)} <= {"not run", "not ours", "-"}, heading


@pytest.mark.parametrize("words", [words for words in COMMANDS if words[0] == "poetlab"], ids=" ".join)
def test_every_command_is_one_of_the_command_line(words: list[str]) -> None:
    group: Any = typer.main.get_command(app)
    command = group.commands[words[1]]
    command.make_context(words[1], words[2:])  # raises if an argument or a value does not fit


def test_only_copies_and_poetlab_are_typed() -> None:
    assert {words[0] for words in COMMANDS} == {"poetlab", "cp"}


# The page's commands on made-up images of 64 pixels, with a tiny network in place of the presets.

TINY = ModelSettings(
    backbone="resnet18", n_queries=4, n_encoder_layers=1, n_decoder_layers=2, n_heads=4, n_features=16, n_feedforward=32
)


def draw_people(folder: Path, annotations: Path, n_images: int, seed: int) -> None:
    """COCO's layout: noise with one or two made-up people an image; the first image has nobody."""
    random = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    images: list[dict[str, Any]] = []
    people: list[dict[str, Any]] = []
    for image_id in range(1, n_images + 1):
        name = f"{seed}{image_id:011}.png"
        Image.fromarray(random.integers(0, 255, (48, 64, 3), dtype=np.uint8)).save(folder / name)
        images.append({"id": image_id, "file_name": name, "height": 48, "width": 64})
        for _ in range(0 if image_id == 1 else random.integers(1, 3)):
            points = np.column_stack([random.uniform(5, 60, 17), random.uniform(5, 43, 17), random.integers(0, 3, 17)])
            points[0, 2] = 2
            points[points[:, 2] == 0] = 0
            person = {"id": len(people) + 1, "image_id": image_id, "category_id": 1, "iscrowd": 0}
            bbox = {"bbox": [5, 5, 55, 38], "area": 2090.0}
            people.append(
                person | bbox | {"keypoints": points.ravel().tolist(), "num_keypoints": int((points[:, 2] > 0).sum())}
            )
    names = list(load_skeleton("coco-person").keypoints)
    category = {"id": 1, "name": "person", "keypoints": names, "skeleton": [[16, 14]]}
    annotations.parent.mkdir(exist_ok=True)
    annotations.write_text(json.dumps({"images": images, "annotations": people, "categories": [category]}))


def draw_macaques(folder: Path, n_images: int) -> None:
    """MacaquePose's layout: noise with one made-up animal an image."""
    random = np.random.default_rng(5)
    (folder / "images").mkdir(parents=True)
    rows = []
    for number in range(n_images):
        name = f"{number:03}.png"
        Image.fromarray(random.integers(0, 255, (48, 64, 3), dtype=np.uint8)).save(folder / "images" / name)
        animal = [
            {"name": keypoint, "position": random.uniform(5, 43, 2).tolist()}
            for keypoint in load_skeleton("macaque").keypoints
        ]
        mask = [{"segment": [[4, 4], [60, 4], [60, 44], [4, 44]]}]
        rows.append([name, json.dumps([animal]), json.dumps([mask])])
    pd.DataFrame(rows, columns=["image file name", "keypoinbts", "segmentation"]).to_csv(
        folder / "annotations.csv", index=False
    )


def copy_small(source: Path, target: Path) -> None:
    """Copy a settings file as the page does, for one epoch of small images."""
    settings = yaml.safe_load(source.read_text())
    settings["image_size"] = {"short_side": [40, 48], "long_side": 64}
    settings["training"] |= {"epochs": 1, "batch_size": 2, "validate_every": 1}
    settings["analysis"] = {"threshold": 0.0}  # whatever the network finds is drawn
    target.write_text(yaml.safe_dump(settings))


@pytest.fixture
def small_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with data as the page lays them out, made small, and weights that need no network."""
    monkeypatch.chdir(tmp_path)
    coco = tmp_path / "data" / "coco"
    for seed, (split, n_images) in enumerate({"train2017": 4, "val2017": 3}.items(), start=1):
        draw_people(coco / split, coco / "annotations" / f"person_keypoints_{split}.json", n_images, seed)
    draw_macaques(tmp_path / "data" / "macaquepose", n_images=5)
    for preset in ("poet-r50", "poet-dc5-r50"):
        monkeypatch.setitem(PRESETS, preset, TINY)  # type: ignore[arg-type]
    torch.manual_seed(0)
    torch.save(resnet18().state_dict(), tmp_path / "imagenet.pth")
    skeleton = load_skeleton("coco-person")
    save_snapshot(tmp_path / "coco.safetensors", Snapshot(TINY, skeleton, Poet(TINY, 17).state_dict(), {}))

    def fetch(weights: PublishedWeights, _on_bytes: object = None) -> Path:
        return tmp_path / ("coco.safetensors" if weights.name == "coco" else "imagenet.pth")

    monkeypatch.setattr(training, "fetch", fetch)
    return tmp_path


@pytest.mark.slow
def test_the_commands_leave_every_figure_that_the_page_names(small_world: Path) -> None:
    """The whole page in order; of the loops over a table's rows, the first two rows."""
    poetlab: Any = typer.main.get_command(app)
    for words in unrolled(shell_lines(), n_rounds=2):
        if words[0] == "cp":
            copy_small(ROOT / words[1], small_world / words[2])
            continue
        device = ["--device", "cpu"] if words[1] in {"train", "evaluate"} else []
        poetlab.main([renumbered(word) for word in words[1:]] + device, standalone_mode=False)

    table1 = small_world / "coco" / "models" / "002-poet-r50"
    for figure in ("", "_centers", "_visibility"):
        picture = table1 / f"evaluation_last_val_decoder_layers{figure}.png"
        assert picture.stat().st_size > 0
        assert picture.name in PAGE
    report = json.loads((table1 / "evaluation_last_val_decoder_layers.json").read_text())
    assert len(report["coco_by_decoder_layer"]) == TINY.n_decoder_layers
    metrics = pd.read_csv(table1 / "metrics.csv")
    assert metrics["epoch"].tolist() == [1]
    assert metrics[["loss_classes", "val_loss_classes", "val_AP", "val_APM", "val_AR75"]].notna().all(axis=None)
    assert (table1 / "metrics.png").stat().st_size > 0
    published = pd.read_csv(small_world / "coco" / "models" / "001-poet-r50" / "metrics.csv")
    assert published["epoch"].tolist() == [0]

    for number in (1, 2):
        assert (small_world / f"coco512/models/00{number}-poet-r50/evaluation_last_val_centers.png").is_file()
    forgetting = small_world / "macaque" / "models" / "003-poet-r50"
    metrics = pd.read_csv(forgetting / "metrics.csv")
    assert metrics["epoch"].tolist() == [0, 1]
    assert metrics[["val_AP", "val2017_AP"]].notna().all(axis=None)
    assert (forgetting / "metrics.png").stat().st_size > 0
    used = yaml.safe_load((forgetting / "settings.yaml").read_text())["label_sets"]
    assert set(used) == {"macaquepose/train", "macaquepose/val", "val2017/also"}
    assert (small_world / "macaque" / "models" / "004-poet-dc5-r50" / "last.safetensors").is_file()


def renumbered(word: str) -> str:
    """A run's name where each loop had two rounds: the 16th run of the page is then the 5th."""
    return word.replace("016-", "005-")
