"""A split as a file: CSV with the columns `name` and `split`, one line a video, folder, image or label set."""

import csv
import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from poetlab.errors import LabelError
from poetlab.files import whole_file
from poetlab.labels.label_set import Split, as_split

_HEADER = ["name", "split"]


@dataclass(frozen=True, slots=True)
class SplitFile:
    """What a file says.

    Attributes:
        path: The file.
        splits: Name -> "train" or "val".
    """

    path: Path
    splits: Mapping[str, Split]

    def of(self, names: Iterable[str | None]) -> Split | None:
        """The split of the first of some names that the file has, or None."""
        return next((self.splits[name] for name in names if name is not None and name in self.splits), None)

    def refuse_unknown(self, known: Iterable[str | None]) -> None:
        """Raise a LabelError if the file names something that is not known."""
        names = {name for name in known if name is not None}
        if unknown := [name for name in self.splits if name not in names]:
            nearest = difflib.get_close_matches(unknown[0], names, n=1)
            advice = (
                f"did you mean '{nearest[0]}'?" if nearest else f"there is, for example, '{min(names, default='')}'"
            )
            raise LabelError(f"{self.path}: '{unknown[0]}' is no video, folder or image of these labels; {advice}")


def names_of(label_set: str, file_name: str, video: str | None) -> tuple[str | None, ...]:
    """What a split file may call an image, the most exact first."""
    folder = file_name.rpartition("/")[0] or None
    exact = (f"{label_set}/{file_name}", file_name)
    return (*exact, video and f"{label_set}/{video}", video, folder and f"{label_set}/{folder}", folder, label_set)


def read_split_file(path: Path) -> SplitFile:
    """Read a split.

    Raises:
        LabelError: If the file cannot be read or is of another form.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header, *rows = [[cell.strip() for cell in row] for row in csv.reader(file) if any(row)] or [[]]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise LabelError(f"{path}: cannot be read as a split ({reason}); give video, frame or a CSV file") from error
    if header != _HEADER:
        raise LabelError(f"{path}: no split; its first line must be 'name,split'")
    splits: dict[str, Split] = {}
    for number, row in enumerate(rows, start=2):
        name, split = row if len(row) == len(_HEADER) else ("", "")
        try:
            known = splits.setdefault(name, as_split(split))
        except ValueError as error:
            raise LabelError(f"{path}, line {number}: is not NAME,train or NAME,val; correct it") from error
        if known != split:
            raise LabelError(f"{path}, line {number}: '{name}' has both splits; leave one of them")
    return SplitFile(path, splits)


def write_split_file(path: Path, rows: Sequence[tuple[str, Split]]) -> None:
    """Write a split that `read_split_file` reads.

    Raises:
        OSError: If it cannot be written.
    """
    with whole_file(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_HEADER)
        writer.writerows(rows)
