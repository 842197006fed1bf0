"""Images into a label set: made, copied or linked, and moved to their place."""

import shutil
from pathlib import Path

from poetlab.errors import LabelError
from poetlab.labels.check import CheckedImage


def place_image(image: CheckedImage, folder: Path, *, link: bool) -> Path:
    """Make, copy or link one image at its place below `folder`.

    Returns:
        Its file.

    Raises:
        LabelError: If links cannot be made, or the image not be taken out of its video or label file.
        OSError: If it cannot be read or written.
    """
    target = folder / image.file_name
    target.parent.mkdir(parents=True, exist_ok=True)
    if not isinstance(image.origin, Path):
        image.origin.write(target)
    elif not link:
        shutil.copyfile(image.origin, target)
    else:
        try:
            target.symlink_to(image.origin.resolve())
        except (OSError, NotImplementedError) as error:
            raise LabelError(f"{target}: links cannot be made here ({error}); import without --link to copy") from error
    return target
