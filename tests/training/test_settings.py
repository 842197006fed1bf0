"""What follows from the settings of training: which epochs are upright."""

from poetlab.training.settings import TrainingSettings


def test_the_last_epochs_are_upright() -> None:
    settings = TrainingSettings.model_validate(
        {"epochs": 10, "augmentation": {"upright": 0.3, "rotation_probability": 1, "shift": 0.2}}
    )
    assert settings.first_upright_epoch == 7
    assert settings.augmentation_in(6) == settings.augmentation
    last = settings.augmentation_in(7)
    assert (last.rotation_probability, last.flip_probability, last.shift) == (0, 0, 0.2)


def test_without_an_upright_part_all_epochs_are_alike() -> None:
    settings = TrainingSettings(epochs=10)
    assert settings.augmentation_in(9) == settings.augmentation
