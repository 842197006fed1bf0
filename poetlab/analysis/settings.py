"""How videos are analyzed."""

from pydantic import Field

from poetlab.settings import Settings


class AnalysisSettings(Settings):
    """What a user may set about the analysis of videos."""

    threshold: float = Field(0.5, ge=0, le=1, description="score from which a detection counts as an animal")
    batch_size: int | None = Field(
        None, ge=1, description="frames that the network sees at once; null: chosen by device and frame size"
    )
