"""What a run trains with: what the user has set, and what is chosen where nothing is set."""

from typing import Any

from poetlab.training.settings import TrainingConfig, TrainingSettings


def fill(config: TrainingConfig) -> TrainingSettings:
    """Settings with what the user has set, and `TrainingSettings`' defaults for what is left open."""
    return TrainingSettings.model_validate(_without_none(config.model_dump()))


def _without_none(content: dict[str, Any]) -> dict[str, Any]:
    """Nested settings without what is None, which has a default."""
    return {
        name: _without_none(value) if isinstance(value, dict) else value
        for name, value in content.items()
        if value is not None
    }
