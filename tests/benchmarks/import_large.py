"""How long commands take for labels of COCO's size, and how much memory: run by hand, not by pytest.

    python tests/benchmarks/import_large.py --images 57000 --instances 150000

Makes labels with polygon masks and small real JPEG files in a temporary folder. Then each command is run as a person
would, in a process of its own whose time and peak memory are reported: import (linking to the images), import of the
same labels with some animals moved, check, split, and for each format export and import of what was exported.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from poetlab.labels.exporting.formats import LABEL_EXPORT_FORMATS

WIDTH, HEIGHT = 640, 480
N_KEYPOINTS = 17
N_MOVED = 10
"""One animal in so many is moved for the second import."""

SPLIT = """
from poetlab.labels.splitting import split_label_sets
from poetlab.project import open_project
(label_set,), rule = split_label_sets(open_project(".").label_sets(), "video", 0.2)
print(label_set.select("val").n_images, "images validate;", rule)
"""


def main() -> None:
    """Make the labels, then measure the commands."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=57_000)
    parser.add_argument("--instances", type=int, default=150_000)
    parser.add_argument("--vertices", type=int, default=40, help="average vertices of a mask; COCO's people have 32")
    parser.add_argument("--formats", nargs="*", default=[known.name for known in LABEL_EXPORT_FORMATS])
    parser.add_argument("--folder", type=Path, help="where to make the labels and the project; else it is temporary")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as temporary:
        folder, project = Path(temporary) / "large", Path(temporary) / "project"
        folder.mkdir()
        make_images(folder, arguments.images)
        sizes = (arguments.images, arguments.instances, arguments.vertices)
        make_labels(folder / "labels.json", *sizes)
        sys.stdout.write(f"labels.json: {(folder / 'labels.json').stat().st_size / 2**20:.0f} MiB\n")
        subprocess.run([*POETLAB, "init", project], check=True, stdout=subprocess.DEVNULL)
        measure("import", project, "import", folder, "--link")
        make_labels(folder / "labels.json", *sizes, moved=N_MOVED)
        measure("import again", project, "import", folder, "--link")
        measure("check", project, "check", "--fail-on", "never")
        measure("split", project, command=(sys.executable, "-c", SPLIT))
        for name in arguments.formats:
            exported = Path(temporary) / "exported"
            measure(f"export to {name}", project, "export-labels", "--to", name, "--output", exported)
            measure(f"import from {name}", project, "import", exported / "large")
            shutil.rmtree(exported)


POETLAB = (sys.executable, "-m", "poetlab")


def measure(what: str, project: Path, *arguments: str | Path, command: tuple[str, ...] = POETLAB) -> None:
    """Run a command in the project, and print its wall time, its computing time and its peak memory."""
    started = time.perf_counter()
    with subprocess.Popen([*command, *arguments], cwd=project, stdout=subprocess.PIPE, text=True) as process:
        said = process.stdout.read() if process.stdout else ""
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{what}: exit status {process.returncode}\n{said}")
    wall, computed = time.perf_counter() - started, used.ru_utime + used.ru_stime
    peak = used.ru_maxrss / 2**20  # Linux counts in KiB
    changes = next((line.strip() for line in said.splitlines() if "unchanged" in line), "")
    sys.stdout.write(f"| {what} | {wall:.0f} s | {computed:.0f} s | {peak:.2f} GiB | {changes} |\n")
    sys.stdout.flush()


def make_images(folder: Path, n_images: int) -> None:
    """Small JPEG files that all differ."""
    random = np.random.default_rng(1)
    for number in range(n_images):
        tiles = random.integers(0, 255, (6, 8, 3), dtype=np.uint8)
        picture = Image.fromarray(tiles).resize((WIDTH, HEIGHT), Image.Resampling.NEAREST)
        picture.save(folder / f"{number:06d}.jpg", quality=30)


def make_labels(path: Path, n_images: int, n_instances: int, n_vertices: int, *, moved: int = 0) -> None:
    """COCO keypoint JSON of random animals, written one annotation at a time; one in `moved` is not at its place."""
    random = np.random.default_rng(0)
    category = {"id": 1, "name": "animal", "keypoints": [f"point{n}" for n in range(N_KEYPOINTS)], "skeleton": [[1, 2]]}
    images = [
        {"id": number, "file_name": f"{number:06d}.jpg", "width": WIDTH, "height": HEIGHT} for number in range(n_images)
    ]
    with path.open("w", encoding="utf-8") as file:
        file.write(f'{{"images": {json.dumps(images)}, "categories": {json.dumps([category])}, "annotations": [')
        for number in range(n_instances):
            annotation = make_annotation(random, number, n_images, n_vertices)
            if moved and number % moved == 0:
                annotation["keypoints"][0] += 1.0
            file.write("," * (number > 0) + json.dumps(annotation))
        file.write("]}")


def make_annotation(random: np.random.Generator, number: int, n_images: int, n_vertices: int) -> dict[str, Any]:
    """One animal: a star-shaped polygon around a random center, and keypoints inside its box."""
    n_corners = int(random.integers(n_vertices // 2, n_vertices * 3 // 2))
    angles = np.linspace(0, 2 * np.pi, n_corners, endpoint=False)
    radii = random.uniform(20, 80, (n_corners, 1))
    center = random.uniform((90, 90), (WIDTH - 90, HEIGHT - 90))
    polygon = (center + radii * np.stack([np.cos(angles), np.sin(angles)], axis=1)).round(2)
    low, extent = polygon.min(axis=0), np.ptp(polygon, axis=0)
    points = (low + extent * random.uniform(size=(N_KEYPOINTS, 2))).round(2)
    keypoints = np.column_stack([points, random.integers(0, 3, N_KEYPOINTS)])
    return {
        "id": number,
        "image_id": number % n_images,
        "category_id": 1,
        "iscrowd": 0,
        "keypoints": keypoints.ravel().tolist(),
        "num_keypoints": int((keypoints[:, 2] > 0).sum()),
        "bbox": [*low.tolist(), *extent.tolist()],
        "area": float(extent.prod() / 2),
        "segmentation": [polygon.ravel().tolist()],
    }


if __name__ == "__main__":
    main()
