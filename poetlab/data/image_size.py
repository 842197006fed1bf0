"""How large an image is when the network sees it."""

from pydantic import Field, field_validator

from poetlab.settings import Settings


class ImageSizeSettings(Settings):
    """The size of the network's input.

    The paper resizes to a short side drawn from 400 to 800 with the long side at most 1333, or at most 512 for its
    comparisons. A limit on the long side lowers the whole range here, so that images still vary in size.
    """

    short_side: tuple[int, int] = Field(
        (400, 800), description="range of the short side in training, pixels; the upper end is used otherwise"
    )
    long_side: int = Field(512, ge=32, description="most pixels of the long side; the paper's largest is 1333")

    @field_validator("short_side")
    @classmethod
    def _is_range(cls, value: tuple[int, int]) -> tuple[int, int]:
        if not 32 <= value[0] <= value[1]:
            raise ValueError("give two sizes of at least 32 pixels, the smaller first")
        return value


def input_size(size: tuple[int, int], settings: ImageSizeSettings, position: float = 1.0) -> tuple[int, int]:
    """The (height, width) at which the network sees an image of this size, keeping its shape.

    Args:
        size: (height, width) of the original.
        settings: Range of the short side and limit of the long side.
        position: Place in the range of short sides, from 0 (smallest) to 1 (largest; for everything but training).
    """
    short, long = min(size), max(size)
    smallest, largest = settings.short_side
    fit = min(1.0, settings.long_side / (largest * long / short))
    scale = fit * (smallest + position * (largest - smallest)) / short
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
