"""What is in an NWB file, by neurodata type: nothing is followed out of the file, and nothing is unpickled."""

from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np

from poetlab.errors import LabelError

_MAX_BYTES = 2**30
_MAX_TEXTS = 1_000_000


def type_of(group: Any) -> str:
    """The neurodata type of a group or dataset; empty if it has none."""
    kind = group.attrs.get("neurodata_type", "") if isinstance(group, h5py.Group | h5py.Dataset) else ""
    return kind.decode("utf-8", "replace") if isinstance(kind, bytes) else str(kind)


def find_all(group: h5py.Group, kind: str) -> list[Any]:
    """Every group of a neurodata type anywhere below a group, links aside."""
    found: list[Any] = []

    def visit(_name: str, member: Any) -> None:
        if type_of(member) == kind:
            found.append(member)

    group.visititems(visit)
    return found


def children(group: h5py.Group, kind: str) -> Iterator[Any]:
    """The members of a group, or what its links lead to, that are of a neurodata type.

    Raises:
        LabelError: If a link leads to nothing or to another file.
    """
    return (member for name in group if type_of(member := child(group, name)) == kind)


def child(group: h5py.Group, name: str) -> Any:
    """A member of a group, or what a link of that name leads to, under its own name; None if there is none.

    Raises:
        LabelError: If a link leads to nothing or to another file.
    """
    link = group.get(name, getlink=True)
    if link is None:
        return None
    path = link.path if isinstance(link, h5py.SoftLink) else name
    member = None if isinstance(link, h5py.ExternalLink) else group.get(path)
    if member is None or member.file.filename != group.file.filename:
        raise LabelError(f"{group.name}: its link '{name}' leads to nothing or to another file; save all in one file")
    return member


def read_array(group: h5py.Group, name: str) -> np.ndarray | None:
    """An array of numbers; None if there is none.

    Raises:
        LabelError: If it is of another kind, lies in another file, or is larger than labels are.
    """
    dataset = _dataset(group, name)
    if dataset is None:
        return None
    if dataset.dtype.kind not in "biuf" or dataset.size * dataset.dtype.itemsize > _MAX_BYTES:
        raise LabelError(f"{group.name}/{name}: has the form {dataset.shape} of {dataset.dtype}, which no labels have")
    return np.asarray(dataset[()])


def read_texts(group: h5py.Group, name: str) -> list[str]:
    """An array of texts, or one text; empty if there is none.

    Raises:
        LabelError: If it is of another kind, lies in another file, or is larger than labels are.
    """
    dataset = _dataset(group, name)
    if dataset is None:
        return []
    if h5py.check_string_dtype(dataset.dtype) is None or dataset.size > _MAX_TEXTS:
        raise LabelError(f"{group.name}/{name}: holds no texts; save the file again")
    return [str(text) for text in np.atleast_1d(dataset.asstr()[()]).ravel()]


def _dataset(group: h5py.Group, name: str) -> Any:
    dataset = child(group, name)
    if dataset is None:
        return None
    if not isinstance(dataset, h5py.Dataset) or dataset.external or dataset.is_virtual:
        raise LabelError(f"{group.name}/{name}: is no array of this file; save all in one file")
    return dataset
