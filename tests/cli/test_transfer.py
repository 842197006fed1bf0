"""`poetlab train --keypoint-map`, freezing and rates, as a user types them."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from poetlab.model.checkpoint import Snapshot, load_snapshot, save_snapshot
from poetlab.model.poet import Poet
from poetlab.model.presets import find_preset
from poetlab.project import Project
from poetlab.skeleton import Skeleton

Run = Callable[..., Any]
"""The fixture that runs a command."""

PRETRAINED = Skeleton("mouse", ("muzzle", "neck", "tail_base"))
MAP = "snout: muzzle\nmid_body: muzzle\nneck: null\n"


def save_pretrained(path: Path, **sizes: int) -> Path:
    """A network of the project's preset that nobody trained, for three keypoints."""
    torch.manual_seed(7)
    settings = find_preset("poet-r18").model_copy(update=sizes)
    model = Poet(settings, PRETRAINED.n_keypoints)
    save_snapshot(path, Snapshot(settings, PRETRAINED, model.state_dict()))
    return path


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    return save_pretrained(tmp_path / "mouse.safetensors")


@pytest.fixture
def map_file(tmp_path: Path) -> Path:
    path = tmp_path / "map.yaml"
    path.write_text(MAP)
    return path


def set_training(project: Project, **settings: Any) -> None:
    config = yaml.safe_load((project.path / "config.yaml").read_text())
    config["training"] |= settings
    (project.path / "config.yaml").write_text(yaml.safe_dump(config))


def test_keypoints_start_from_those_that_the_map_names(
    run: Run, project: Project, snapshot: Path, map_file: Path
) -> None:
    names = project.skeleton().keypoints
    assert {"snout", "mid_body", "neck", "tail_base"} <= set(names)
    # what learns is of no concern here, and nothing that is looked at may move
    set_training(project, freeze=["backbone", "transformer", "pose_head", "queries"], save_seconds=1000)
    outcome = run(
        *("train", "--pretrained", snapshot, "--keypoint-map", map_file, "--epochs", "1", "--device", "cpu"),
        *("--project", project.path),
    )
    assert outcome.status == 0, outcome.text
    text = " ".join(outcome.text.split())
    new = [name for name in names if name not in {"snout", "mid_body", "tail_base"}]
    assert "keypoints taken from those of equal name: tail_base" in text
    assert "keypoints taken from others: snout from muzzle, mid_body from muzzle" in text
    assert f"keypoints new, at the animal's center at first: {', '.join(new)}" in text
    assert "frozen: backbone, transformer, pose_head, queries" in text

    (folder,) = project.runs()
    origins = dict.fromkeys(names) | {"snout": "muzzle", "mid_body": "muzzle", "tail_base": "tail_base"}
    settings = yaml.safe_load(folder.settings.read_text())
    for facts in (settings, load_snapshot(folder.last).facts, load_snapshot(folder.best).facts):
        assert facts["keypoints_from"] == origins
        assert list(facts["keypoints_from"]) == list(names)
        assert facts["pretrained"] == str(snapshot)
        assert facts["pretrained_sha256"] == hashlib.sha256(snapshot.read_bytes()).hexdigest()
        assert facts["pretrained_pose_head"] is True
    rows = load_snapshot(folder.last).weights["pose_head.4.weight"][2:].unflatten(0, (-1, 3))
    pretrained = load_snapshot(snapshot).weights["pose_head.4.weight"][2:].unflatten(0, (-1, 3))
    for name, keypoint_rows in zip(names, rows, strict=True):
        origin = origins[name]
        expected = pretrained[PRETRAINED.keypoints.index(origin)] if origin else torch.zeros_like(keypoint_rows)
        assert torch.equal(keypoint_rows, expected), name

    assert run("train", "--resume", "--keypoint-map", map_file, "--project", project.path).fails_in_one_line(
        "a resumed run keeps its settings"
    )


def test_a_pose_head_that_cannot_be_used_is_told(run: Run, project: Project, tmp_path: Path) -> None:
    wide = save_pretrained(tmp_path / "wide.safetensors", n_features=64)
    start = ("train", "--pretrained", wide, "--epochs", "1", "--device", "cpu", "--project", project.path)
    outcome = run(*start)
    assert outcome.status == 0, outcome.text
    n = project.skeleton().n_keypoints
    assert f"keypoints: all {n} start at random, as the pose head is of another size" in outcome.text
    (tmp_path / "map.yaml").write_text(MAP)
    refused = run(*start, "--keypoint-map", tmp_path / "map.yaml")
    assert refused.fails_in_one_line("wide.safetensors", "its pose head does not fit", "map.yaml")
    assert len(project.runs()) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("snout: muzle\n", ("map.yaml", "'muzle' is no keypoint of the pretrained network", "'muzzle'")),
        ("snot: muzzle\n", ("map.yaml", "'snot' is no keypoint of this project", "'snout'")),
        ("[snout, muzzle]\n", ("map.yaml", "not a mapping")),
        ("snout: [muzzle]\n", ("map.yaml", "['muzzle']")),
        ("snout: [\n", ("map.yaml", "not valid YAML")),
    ],
)
def test_a_wrong_map(
    run: Run, project: Project, snapshot: Path, map_file: Path, text: str, words: tuple[str, ...]
) -> None:
    map_file.write_text(text)
    outcome = run("train", "--pretrained", snapshot, "--keypoint-map", map_file, "--project", project.path)
    assert outcome.fails_in_one_line(*words)
    assert not project.runs()


@pytest.mark.parametrize("pretrained", ["none", "imagenet"])
def test_a_map_without_weights_that_know_keypoints(run: Run, project: Project, map_file: Path, pretrained: str) -> None:
    outcome = run("train", "--pretrained", pretrained, "--keypoint-map", map_file, "--project", project.path)
    assert outcome.fails_in_one_line("--keypoint-map", f"--pretrained {pretrained}")
    missing = run("train", "--pretrained", "x.safetensors", "--keypoint-map", "no.yaml", "--project", project.path)
    assert missing.fails_in_one_line("no.yaml: cannot be read")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"freeze": ["backbone.layer9"]}, ("no part 'backbone.layer9'", "nearest is 'backbone.layer")),
        ({"freeze": "backbone"}, ("config.yaml", "training.freeze", "valid list", "'backbone'")),
        ({"rate_factors": {"transfromer": 0.1}}, ("no part 'transfromer'", "nearest is 'transformer'")),
        ({"rate_factors": {"transformer": 0}}, ("training.rate_factors.transformer", "greater than 0")),
        ({"rate_factors": {"queries": 0.1}, "freeze": ["queries"]}, ("training.rate_factors", "'queries' is frozen")),
    ],
)
def test_a_wrong_part(run: Run, project: Project, settings: dict[str, Any], words: tuple[str, ...]) -> None:
    set_training(project, **settings)
    assert run("train", "--device", "cpu", "--project", project.path).fails_in_one_line(*words)
    assert not project.runs()


def test_rates_of_parts_are_shown(run: Run, project: Project) -> None:
    set_training(project, rate_factors={"transformer.encoder": 0.5, "backbone": 0.1})
    outcome = run("train", "--epochs", "1", "--device", "cpu", "--project", project.path)
    assert "learning rates: backbone 5e-06, transformer.encoder 2.5e-05, all else 5e-05" in outcome.text
    assert "frozen" not in outcome.text
