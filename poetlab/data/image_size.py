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
    letterbox: tuple[int, int] | None = Field(
        None,
        description="height and width, multiples of 32, into which every image is fitted instead, black where it does "
        "not reach; null: chosen for swift presets; for the others images keep sizes of their own",
    )

    @field_validator("short_side")
    @classmethod
    def _is_range(cls, value: tuple[int, int]) -> tuple[int, int]:
        if not 32 <= value[0] <= value[1]:
            raise ValueError("give two sizes of at least 32 pixels, the smaller first")
        return value

    @field_validator("letterbox")
    @classmethod
    def _has_whole_cells(cls, value: tuple[int, int] | None) -> tuple[int, int] | None:
        if value is not None and not all(side >= 32 and side % 32 == 0 for side in value):
            raise ValueError("give height and width, each a multiple of 32, the network's coarsest cell")
        return value


def input_size(size: tuple[int, int], settings: ImageSizeSettings, position: float = 1.0) -> tuple[int, int]:
    """The (height, width) at which the network sees an image of this size, keeping its shape.

    Args:
        size: (height, width) of the original.
        settings: Range of the short side and limit of the long side; or the letterbox, of which the image takes as
            much of the top left as it can.
        position: Place in the range of short sides, from 0 (smallest) to 1 (largest; for everything but training). A
            letterbox has no range.
    """
    if settings.letterbox:
        fit = min(whole / side for whole, side in zip(settings.letterbox, size, strict=True))
        return max(1, round(size[0] * fit)), max(1, round(size[1] * fit))
    short, long = min(size), max(size)
    smallest, largest = settings.short_side
    fit = min(1.0, settings.long_side / (largest * long / short))
    scale = fit * (smallest + position * (largest - smallest)) / short
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def seen_size(size: tuple[int, int], settings: ImageSizeSettings) -> tuple[float, float]:
    """The (height, width), in pixels of an original of this size, of all that the network sees.

    This is what the network's units are of: the image, or the whole letterbox, which is larger where the image does
    not fill it. Since the image lies at its top left, units and pixels are converted alike.
    """
    if not settings.letterbox:
        return size
    height, width = input_size(size, settings)
    return size[0] * settings.letterbox[0] / height, size[1] * settings.letterbox[1] / width
