"""Findings that a person has looked at and found right: named by what they are about, and listed in a file."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np
import yaml

from poetlab.checking.finding import Finding, Place
from poetlab.errors import LabelError
from poetlab.files import whole_file
from poetlab.labels.label_set import LabeledImage, LabelSet
from poetlab.yaml_file import read_yaml

ACCEPTED = "check_accepted.yaml"
"""The file, in a project's folder of labels."""

_LETTERS = "bcdfghjklmnpqrstvwxz"
_N_LETTERS = 8
"""Names of letters that make no words and no numbers: 20 ** 8 of them."""

_HEAD = """\
# Findings of poetlab check that somebody has looked at and found right. They are not reported again.
# To have one back, delete its line.
"""


def finding_ids(findings: Iterable[Finding], label_sets: Sequence[LabelSet]) -> list[str]:
    """A short name for each finding, which is the same in every run as long as what it is about stays the same.

    That is the check, the image, the keypoints that are meant, and the animal's points to a tenth of a pixel: an animal
    that is labeled anew is looked at anew. How bad the finding is, and the order of animals, make no difference.

    Args:
        findings: The findings.
        label_sets: What they are of.
    """
    images = {(label_set.name, image.file_name): image for label_set in label_sets for image in label_set.images}
    n_times: Counter[str] = Counter()
    ids = []
    for about in (_about(finding, images) for finding in findings):
        n_times[about] += 1
        digest = blake2b(f"{about}\n{n_times[about]}".encode(), digest_size=_N_LETTERS).digest()
        ids.append("".join(_LETTERS[byte % len(_LETTERS)] for byte in digest))
    return ids


def read_accepted(path: Path) -> dict[str, str]:
    """The findings that a file lists: what they are called, and what they say; none where there is no such file.

    Raises:
        LabelError: If the file cannot be read or is of another form.
    """
    if not path.exists():
        return {}
    content = read_yaml(path, LabelError)
    if content is None:
        return {}
    if not isinstance(content, dict) or not all(isinstance(part, str) for entry in content.items() for part in entry):
        raise LabelError(f"{path}: lists no findings in the form 'name: text'; correct it, or delete it")
    return content


def write_accepted(path: Path, accepted: Mapping[str, str]) -> None:
    """Write such a file.

    Raises:
        OSError: If it cannot be written; what stood there before is then still there.
    """
    lines = yaml.safe_dump(dict(accepted), sort_keys=False, allow_unicode=True, width=float("inf"))
    with whole_file(path) as partial:
        partial.write_text(_HEAD + lines, encoding="utf-8")


def describe(finding: Finding) -> str:
    """A finding in one line of text."""
    place = finding.place
    where = "/".join(part for part in (place.label_set, place.image) if part) or "all labels"
    animal = "" if place.instance is None else f", animal {place.individual or place.instance}"
    return f"{finding.check}: {where}{animal}: {finding.what}"


def _about(finding: Finding, images: Mapping[tuple[str, str], LabeledImage]) -> str:
    """What a finding is about, as text."""
    about = [finding.check]
    for place in (finding.place, finding.other or Place()):
        about += [place.label_set or "", place.image or "", *place.keypoints]
        image = images.get((place.label_set or "", place.image or ""))
        if image is None:
            continue
        if place.instance is None:
            about.append(f"{len(image.instances)} animals")
        else:
            tenths = np.nan_to_num(image.instances[place.instance].keypoints * 10)
            about.append(str(tenths.round().astype(int).tolist()))
    return "\n".join(about)
