"""Where an instance comes from: who placed its points, and with which file it came into the project."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

Maker = Literal["human", "model", "corrected"]
"""Who placed the points: a person; a model, and nobody has confirmed them; a model, and a person has changed or
confirmed them."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where an instance comes from.

    A reader of a format gives what its file says, and None for what it does not say; the import adds the rest.

    Attributes:
        made_by: Who placed the points.
        score: The score of the model's prediction, or None.
        tool: The label format that it came in by, such as `sleap`.
        file: The name of the label file, without its folder.
        imported: When that was imported, in UTC: `2026-11-22T15:20:00Z`.
    """

    made_by: Maker
    score: float | None = None
    tool: str | None = None
    file: str | None = None
    imported: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The form in `annotations.json`; without what is None."""
        entry = {"made_by": self.made_by, "score": self.score, "tool": self.tool}
        entry |= {"file": self.file, "imported": self.imported}
        return {key: value for key, value in entry.items() if value is not None}

    @classmethod
    def from_dict(cls, entry: Any) -> "Provenance":
        """Read `to_dict`'s form.

        Raises:
            ValueError: If it is of another form, as other tools may have one.
        """
        if not isinstance(entry, Mapping):
            raise ValueError(f"a provenance is {entry!r}, no mapping")
        made_by, score = entry.get("made_by"), entry.get("score")
        if made_by not in get_args(Maker):
            raise ValueError(f"made_by is {made_by!r}, none of {', '.join(get_args(Maker))}")
        if score is not None and not (type(score) in (int, float) and math.isfinite(score)):
            raise ValueError(f"the score is {score!r}, no number")
        texts = {key: entry.get(key) for key in ("tool", "file", "imported")}
        if wrong := [key for key, text in texts.items() if not isinstance(text, str | None)]:
            raise ValueError(f"{wrong[0]} is {texts[wrong[0]]!r}, no text")
        return cls(made_by, None if score is None else float(score), **texts)
