"""A config survives being written and read."""

from pathlib import Path

import pytest

from poetlab.config import Config, load_config, render_config
from poetlab.training.settings import TrainingSettings

PARTS = [f"transformer.encoder.{number}.self_attention.query" for number in range(6)]


@pytest.mark.parametrize(
    "settings",
    [
        TrainingSettings(),
        TrainingSettings(freeze=[]),
        TrainingSettings(freeze=PARTS, rate_factors=dict.fromkeys(PARTS, 1e-7) | {"queries": 3, "backbone": 2.5}),
    ],
)
def test_a_rendered_config_reads_as_itself_one_line_a_setting(settings: TrainingSettings, tmp_path: Path) -> None:
    config = Config(training=settings)
    (tmp_path / "config.yaml").write_text(render_config(config), encoding="utf-8")
    assert load_config(tmp_path / "config.yaml") == config
    lines = render_config(config).splitlines()
    assert [line.partition(":")[0].strip() for line in lines if line.startswith("  ") and "freeze" in line] == [
        "freeze"
    ]
    assert len(lines) == len(render_config(Config()).splitlines())
