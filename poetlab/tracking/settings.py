"""How detections are tracked."""

from pydantic import Field

from poetlab.settings import Settings


class TrackingSettings(Settings):
    """What a user may set about tracking. Times are seconds and lengths are body lengths, so they suit any video."""

    enabled: bool = Field(default=True, description="whether analyze gives each animal one name throughout a video")
    unlimited: bool = Field(
        default=False,
        description="true: animals come and go, each newcomer has a new name; false: always `individuals`",
    )
    max_speed: float = Field(30.0, gt=0, description="faster than any animal moves, in body lengths a second")
    max_gap: float = Field(
        2.0, ge=0, description="if unlimited: seconds an animal may be unseen and still keep its name"
    )
    min_duration: float = Field(
        0.1, ge=0, description="if unlimited: seconds; what was seen for less gets no name of its own"
    )
    fill_gap: float = Field(
        0.2,
        ge=0,
        description="seconds between two detections of an animal up to which the frames between get positions, too",
    )
