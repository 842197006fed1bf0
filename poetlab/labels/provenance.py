"""Where an instance comes from: who placed its points, and with which file it came into the project."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

Maker = Literal["human", "model", "corrected"]
"""Who placed the points: a person; a model, and nobody has confirmed them; a model, and a person has changed or
confirmed them."""

_ROUNDED = 1e-4

_MAKERS: tuple[Maker, ...] = get_args(Maker)


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
    def from_dict(cls, entry: Mapping[str, Any]) -> "Provenance":
        """Read `to_dict`'s form.

        Raises:
            TypeError: If it is no mapping.
            ValueError: If it is of another form, as other tools may have one.
        """
        if not isinstance(entry, Mapping):
            raise TypeError(f"a provenance is {entry!r}, no mapping")
        made_by = next((known for known in _MAKERS if known == entry.get("made_by")), None)
        if made_by is None:
            raise ValueError(f"made_by is {entry.get('made_by')!r}, none of {', '.join(_MAKERS)}")
        score = entry.get("score")
        if score is not None and not (type(score) in (int, float) and math.isfinite(score)):
            raise ValueError(f"the score is {score!r}, no number")
        texts = {key: entry.get(key) for key in ("tool", "file", "imported")}
        if wrong := [key for key, text in texts.items() if not isinstance(text, str | None)]:
            raise ValueError(f"{wrong[0]} is {texts[wrong[0]]!r}, no text")
        return cls(made_by, None if score is None else float(score), **texts)


@dataclass(frozen=True, slots=True)
class ImportStamp:
    """What an import adds to what its source says of every instance.

    Attributes:
        tool: The label format.
        file: The name of the label file.
        imported: When, in UTC.
        is_confirmed: Whether the user says that a person has looked at every prediction.
    """

    tool: str
    file: str
    imported: str
    is_confirmed: bool = False

    def on_new(self, stated: Provenance | None) -> Provenance:
        """Where an instance comes from that the project did not have."""
        provenance = stated or Provenance("human")
        if self.is_confirmed and provenance.made_by == "model":
            provenance = replace(provenance, made_by="corrected")
        return replace(
            provenance,
            tool=provenance.tool or self.tool,
            file=provenance.file or self.file,
            imported=provenance.imported or self.imported,
        )

    def on_unchanged(self, known: Provenance | None, stated: Provenance | None) -> Provenance:
        """Where an instance comes from that the project has with the same points.

        A prediction is confirmed if the source says that a person did so, or if the user does.
        """
        if known is None:
            return self.on_new(stated)
        says_so = stated is not None and stated.made_by != "model"
        if known.made_by == "model" and (says_so or self.is_confirmed):
            return self._corrected(known)
        return known

    def on_changed(self, known: Provenance | None, stated: Provenance | None) -> Provenance:
        """Where an instance comes from that the project has with other points.

        A prediction that the source still marks as such, with another score, is a new one that nobody has confirmed.
        """
        if known is None:
            return self.on_new(stated)
        if known.made_by == "human":
            return self.on_new(None)
        is_other = stated is not None and not _are_same(stated.score, known.score)
        if stated is not None and stated.made_by == "model" and is_other and not self.is_confirmed:
            return self.on_new(stated)
        return self._corrected(known)

    def _corrected(self, known: Provenance) -> Provenance:
        return Provenance("corrected", known.score, self.tool, self.file, self.imported)


def _are_same(score: float | None, other: float | None) -> bool:
    """Whether two scores are one, of which a file may have rounded a few digits away."""
    return score == other if score is None or other is None else abs(score - other) <= _ROUNDED
