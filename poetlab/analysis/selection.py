"""Which frames of a video are analyzed, and which part of them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from poetlab.errors import ConfigError


@dataclass(frozen=True)
class Crop:
    """A rectangle of whole pixels in the full frame; the network sees nothing else.

    Attributes:
        x: Left column.
        y: Top row.
        width: Number of columns.
        height: Number of rows.
    """

    x: int
    y: int
    width: int
    height: int

    def __post_init__(self) -> None:
        if min(self.x, self.y) < 0 or min(self.width, self.height) < 1:
            raise ConfigError(f"crop {self}: x and y are at least 0, width and height at least 1")

    def __str__(self) -> str:
        return f"{self.x},{self.y},{self.width},{self.height}"

    @classmethod
    def parse(cls, text: str) -> "Crop":
        """The crop that the text `x,y,width,height` means.

        Raises:
            ConfigError: If it is not four whole numbers that make a rectangle.
        """
        try:
            x, y, width, height = (int(part) for part in text.split(","))
        except ValueError:
            raise ConfigError(f"crop '{text}' is not x,y,width,height in whole pixels, such as 100,0,640,480") from None
        return cls(x, y, width, height)

    def fits_in(self, size: tuple[int, int]) -> bool:
        """Whether it lies in a frame of this (height, width)."""
        return self.y + self.height <= size[0] and self.x + self.width <= size[1]

    def cut(self, image: np.ndarray) -> np.ndarray:
        """The part of a (height, width, ...) image, as a view."""
        return image[self.y : self.y + self.height, self.x : self.x + self.width]


@dataclass(frozen=True)
class Selection:
    """Which frames of a video are analyzed, counted from 0, and which part of them.

    Attributes:
        start: The first.
        stop: The first that is not any more; None for the end of the video.
        stride: Every how many-th.
        max_frames: Most frames in all; None for no limit.
        crop: Part of each frame; None for all of it.

    Raises:
        ConfigError: If a number does not fit.
    """

    start: int = 0
    stop: int | None = None
    stride: int = 1
    max_frames: int | None = None
    crop: Crop | None = None

    def __post_init__(self) -> None:
        if self.start < 0:
            raise ConfigError(f"start is {self.start}; frames are counted from 0")
        if self.stop is not None and self.stop <= self.start:
            raise ConfigError(f"stop is {self.stop}; it must come after start, which is {self.start}")
        if self.stride < 1:
            raise ConfigError(f"stride is {self.stride}; it is at least 1, for every frame")
        if self.max_frames is not None and self.max_frames < 1:
            raise ConfigError(f"max_frames is {self.max_frames}; analyze at least 1 frame")

    @property
    def end(self) -> int | None:
        """The frame from which none is wanted any more; None for the end of the video."""
        ends = [self.stop] if self.stop is not None else []
        if self.max_frames is not None:
            ends.append(self.start + (self.max_frames - 1) * self.stride + 1)
        return min(ends, default=None)

    def count(self, n_frames: int | None = None) -> int | None:
        """How many frames of a video of `n_frames` are selected; None if nothing limits them."""
        ends = [end for end in (self.end, n_frames) if end is not None]
        return len(range(self.start, min(ends), self.stride)) if ends else None

    def to_dict(self) -> dict[str, Any]:
        """The attributes as JSON can hold them."""
        return asdict(self) | {"crop": str(self.crop) if self.crop else None}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Selection":
        """The inverse of `to_dict`; other names are ignored, and what is missing was not limited."""
        crop = values.get("crop")
        return cls(
            start=values.get("start", 0),
            stop=values.get("stop"),
            stride=values.get("stride", 1),
            max_frames=values.get("max_frames"),
            crop=Crop.parse(crop) if crop else None,
        )

    def goes_on_from(self, earlier: "Selection") -> bool:
        """Whether the two select the same frames for as long as both go on."""
        return (self.start, self.stride, self.crop) == (earlier.start, earlier.stride, earlier.crop)

    def is_done_by(self, earlier: "Selection", n_done: int) -> bool:
        """Whether the `n_done` frames that were analyzed of an earlier selection are all that this one wants."""
        if not self.goes_on_from(earlier):
            return False
        limit, wanted = earlier.count(), self.count()
        video_ended = limit is None or n_done < limit
        return video_ended or (wanted is not None and wanted <= n_done)
