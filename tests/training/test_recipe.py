"""What a run trains with: the user's settings, and choices where there are none."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import yaml

from poetlab.data.augment_settings import AugmentConfig, AugmentSettings
from poetlab.data.image_size import ImageSizeSettings
from poetlab.model.checkpoint import load_snapshot
from poetlab.project import Project
from poetlab.training.data import TrainingData
from poetlab.training.recipe import Recipe, Wishes, choose_recipe
from poetlab.training.settings import TrainingConfig, TrainingSettings
from poetlab.workflow.training import TrainingStart, train

CHOSEN = {
    "image_size.letterbox",
    "n_queries",
    "training.batch_size",
    "training.epochs",
    "training.learning_rate",
    "training.schedule",
    "training.clip_norm",
    "training.bfloat16",
    "training.averaging",
    "training.validate_every",
    "training.patience",
    "training.augmentation.rotation",
    "training.augmentation.rotation_probability",
    "training.augmentation.dropout_probability",
    "training.augmentation.flip_probability",
    "training.augmentation.upright",
}


@pytest.fixture
def choose(project: Project) -> Callable[..., Recipe]:
    """`choose(wishes, preset="poet-swift-light")`: the recipe for the project's labels."""

    def choose_for(wishes: Wishes, preset: str = "poet-swift-light") -> Recipe:
        data = TrainingData.from_label_sets(project.label_sets(), wishes.training)
        return choose_recipe(preset, wishes, project.skeleton(), data, torch.device("cpu"))

    return choose_for


def wishes(n_queries: int | None = None, letterbox: tuple[int, int] | None = None, **training: Any) -> Wishes:
    return Wishes(TrainingConfig(**training), ImageSizeSettings(letterbox=letterbox), n_queries, None)


def test_the_faithful_family_has_the_papers_values(choose: Callable[..., Recipe]) -> None:
    recipe = choose(wishes(), "poet-r18")
    assert recipe.training == TrainingSettings()
    assert recipe.image_size == ImageSizeSettings()
    assert recipe.network.n_queries == 25
    assert recipe.choices == {}
    other = choose(wishes(n_queries=7, epochs=0, augmentation=AugmentConfig(rotation=90)), "poet-r18")
    assert other.training == TrainingSettings(epochs=0, augmentation=AugmentSettings(rotation=90))
    assert other.network.n_queries == 7


def test_what_is_left_open_is_chosen_with_a_reason(choose: Callable[..., Recipe]) -> None:
    recipe = choose(wishes())
    assert set(recipe.choices) == CHOSEN
    assert all(choice.reason for choice in recipe.choices.values())
    assert recipe.image_size.letterbox == recipe.choices["image_size.letterbox"].value == (64, 64)
    assert recipe.network.n_queries == recipe.choices["n_queries"].value
    for name in CHOSEN - {"image_size.letterbox", "n_queries"}:
        settings: Any = recipe
        for part in name.split("."):
            settings = getattr(settings, part)
        assert settings == recipe.choices[name].value, name


def test_what_the_user_has_set_stays_and_others_follow_it(choose: Callable[..., Recipe]) -> None:
    open_, given = choose(wishes()), choose(wishes(batch_size=1, n_queries=3, letterbox=(32, 96), averaging=0))
    assert set(given.choices) == CHOSEN - {
        "image_size.letterbox",
        "n_queries",
        "training.batch_size",
        "training.averaging",
    }
    assert (given.training.batch_size, given.network.n_queries, given.training.averaging) == (1, 3, 0)
    assert given.image_size.letterbox == (32, 96)
    assert given.training.epochs < open_.training.epochs, "smaller batches make more steps an epoch"
    assert given.training.learning_rate < open_.training.learning_rate
    turned = choose(wishes(augmentation=AugmentConfig(rotation=180)))
    assert turned.training.augmentation.rotation_probability == 1
    assert choose(wishes(epochs=30)).training.patience == 10
    assert choose(wishes(epochs=0)).training.epochs == 0


def test_what_was_chosen_is_told_and_stored_with_the_run(
    project: Project, change_training: Callable[..., Project]
) -> None:
    open_everything = {field: None for field in TrainingConfig().model_dump() if f"training.{field}" in CHOSEN}
    open_augmentation = AugmentConfig().model_dump(mode="json")
    starts: list[TrainingStart] = []
    changed = change_training(project, **open_everything, augmentation=open_augmentation)
    result = train(changed, preset="poet-swift-light", device="cpu", epochs=1, on_start=starts.append)
    choices = starts[0].choices
    assert set(choices) == CHOSEN - {"training.epochs"}
    written = yaml.safe_load(result.folder.settings.read_text())
    snapshot = load_snapshot(result.folder.best)
    for chosen in (written["chosen"], snapshot.facts["chosen"]):
        assert chosen["training.batch_size"] == {
            "value": 2,
            "reason": "an epoch of 11 images has several steps",
        }
        assert set(chosen) == set(choices)
    assert written["training"]["batch_size"] == 2
    assert written["image_size"]["letterbox"] == [64, 64]
    assert snapshot.settings.n_queries == choices["n_queries"].value == 10
    train(project, device="cpu", resume=True, epochs=2, on_start=starts.append)
    assert starts[1].choices == {}, "a resumed run chooses nothing anew"
    assert load_snapshot(result.folder.last).facts["training"] == snapshot.facts["training"] | {"epochs": 2}
