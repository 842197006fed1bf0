"""How a video stores colors: as brightness (Y) and two color differences (U, V)."""

from dataclasses import dataclass

import numpy as np

_BT709, _BT2020, _BT2020_CONSTANT = 1, 9, 10
_WEIGHTS = {_BT709: (0.2126, 0.0722), **dict.fromkeys((_BT2020, _BT2020_CONSTANT), (0.2627, 0.0593))}
_BT601_WEIGHTS = (0.299, 0.114)
"""Of red and blue in brightness, by the number of the matrix (ITU-T H.273, table 4); BT.601's are of all others."""
_LIMITED_RANGE, _FULL_RANGE = 1, 2


@dataclass(frozen=True)
class VideoColors:
    """What the numbers of a video mean; the numbers are those of ITU-T H.273, https://www.itu.int/rec/T-REC-H.273.

    Attributes:
        matrix: Of red, green and blue to Y, U and V. Unspecified, it is taken for that of BT.601, as FFmpeg does.
        full_range: Whether black and white are 0 and 255, and not 16 and 235.
        primaries: Red, green and blue.
        transfer: From light to numbers.
    """

    matrix: int = _BT709
    full_range: bool = False
    primaries: int = _BT709
    transfer: int = _BT709

    @property
    def range(self) -> int:
        """FFmpeg's number of the range."""
        return _FULL_RANGE if self.full_range else _LIMITED_RANGE

    def yuv(self, rgb: np.ndarray) -> np.ndarray:
        """(..., 3) red, green and blue from 0 to 255 as (..., 3) Y, U and V as they are stored, not rounded."""
        red_weight, blue_weight = _WEIGHTS.get(self.matrix, _BT601_WEIGHTS)
        red, green, blue = np.moveaxis(np.asarray(rgb, float), -1, 0)
        brightness = red_weight * red + (1 - red_weight - blue_weight) * green + blue_weight * blue
        differences = (blue - brightness) / (2 - 2 * blue_weight), (red - brightness) / (2 - 2 * red_weight)
        y_offset, y_scale, uv_scale = (0, 1, 1) if self.full_range else (16, 219 / 255, 224 / 255)
        u, v = (128 + uv_scale * difference for difference in differences)
        return np.stack([y_offset + y_scale * brightness, u, v], axis=-1)


PLAIN_COLORS = VideoColors()
"""BT.709 with limited range: what players expect."""
