"""Adding files of published weights by hand, on machines without internet."""

import shutil
from pathlib import Path

import pooch
import torch

from poetlab.errors import SnapshotError
from poetlab.files import whole_file
from poetlab.model.checkpoint import load_published
from poetlab.model.poet import Poet
from poetlab.model.presets import ModelSettings
from poetlab.model.published import from_published, is_published_layout
from poetlab.skeleton import load_skeleton
from poetlab.weights.catalog import PublishedWeights, other_backbones, published_weights, read_md5


def add_file(path: Path) -> PublishedWeights:
    """Copy a file of published weights into the cache, under the name that it has there.

    It is recognized by its checksum. That of POET's own is in its Zenodo record, or, if that was never read on this
    machine, in a file `<name>.md5` beside it; without either it is recognized by the names and shapes of its tensors.
    Its name does not matter.

    Args:
        path: The file.

    Returns:
        Which weights it holds.

    Raises:
        SnapshotError: If it cannot be read or copied, or is none of them.
    """
    if not path.is_file():
        raise SnapshotError(f"{path}: there is no such file; `poetlab weights list` names those that can be added")
    try:
        weights = _recognize(path)
        if not (weights.path.exists() and weights.path.samefile(path)):
            weights.path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(weights.path) as partial:
                shutil.copyfile(path, partial)
        for cut in weights.path.parent.glob(f"{weights.file_name}.*.download"):  # of no use any more
            cut.unlink()
    except OSError as error:
        place = error.filename or path
        raise SnapshotError(
            f"{place}: cannot be read or written ({error.strerror or error}); is there space left?"
        ) from error
    return weights


def _recognize(path: Path) -> PublishedWeights:
    known = published_weights()
    sha256 = pooch.file_hash(str(path))
    for weights in (*known, *other_backbones()):
        if weights.sha256_start is not None and sha256.startswith(weights.sha256_start):
            return weights
    for weights in known:
        if weights.sha256_start is None and _is_published_poet(path, weights):
            return weights
    raise SnapshotError(
        f"{path}: none of the weights that poetlab knows ({', '.join(weights.file_name for weights in known)}, or "
        "another model of torchvision); was it copied whole? Weights of your own need no adding: give them to "
        "--pretrained"
    )


def _is_published_poet(path: Path, weights: PublishedWeights) -> bool:
    md5 = weights.record_md5 or read_md5(path.with_name(f"{path.name}.md5"))
    if md5 is not None:
        return pooch.file_hash(str(path), alg="md5") == md5
    try:
        tensors = load_published(path)
    except SnapshotError:
        return False
    if not is_published_layout(tensors):
        return False
    with torch.device("meta"):  # names and shapes only
        model = Poet(ModelSettings(), load_skeleton("coco-person").n_keypoints)
    shapes = {name: tensor.shape for name, tensor in from_published(tensors).items()}
    return shapes == {name: tensor.shape for name, tensor in model.state_dict().items()}
