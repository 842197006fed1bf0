"""The whole job: labels and a video in, a network, the video's poses and pictures of them out.

    python examples/whole_job.py labels.json video.mp4 --project myproject

The same as the commands init, import, train, evaluate, analyze, filter and plot.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import poetlab
from poetlab.config import Config
from poetlab.data.image_size import ImageSizeSettings
from poetlab.training.settings import TrainingSettings


def main() -> None:
    """Run the job on the paths of the command line."""
    arguments = parse_arguments()
    largest = arguments.image_size
    config = Config(
        image_size=ImageSizeSettings(short_side=(largest // 2, largest), long_side=largest),
        training=TrainingSettings(epochs=arguments.epochs, batch_size=arguments.batch_size),
    )
    project = poetlab.create_project(arguments.project, config=config)

    report = poetlab.import_labels(project, arguments.labels)
    print(f"imported {report.n_images} images, {report.n_instances} animals, {report.skeleton.n_keypoints} keypoints")
    for reason, (count, examples) in report.left_out.items():
        print(f"left out: {reason}: {count}, such as {examples}")

    training = poetlab.train(project, on_epoch=print_epoch)
    print(f"trained {training.folder.path}, best validation AP {training.best_ap or 0:.3f}")

    evaluation, _ = poetlab.evaluate(project)
    print(f"AP {evaluation.coco['AP']:.3f}, {evaluation.n_missed} of {evaluation.n_animals} animals missed")

    for result in poetlab.analyze(project, [arguments.video]):
        if result.path is None:
            raise SystemExit("; ".join(result.notes))
        poses = poetlab.read_poses(result.path)
        n_found = int((poses.scores > 0).any(axis=1).sum())
        print(f"animals found in {n_found} of {poses.n_frames} frames")
        print(f"poses: {result.path}, with {result.n_joins} joins, at which animals could be switched")
        clean_up_and_draw(result.path)


def clean_up_and_draw(path: Path) -> None:
    """Fill short gaps and smooth, into a new file, and draw that."""
    (filtered,) = poetlab.filter_results([path], max_gap=5, smooth="median")
    if filtered.path is None:
        raise SystemExit(filtered.error)
    print(f"filtered: {filtered.path}")
    (plotted,) = poetlab.plot_results([filtered.path])
    if plotted.error:
        raise SystemExit(plotted.error)
    print(f"pictures: {', '.join(map(str, plotted.paths))}")


def print_epoch(metrics: Mapping[str, Any]) -> None:
    """Show one row of the metrics."""
    print(f"epoch {metrics['epoch']}: loss {metrics['loss']:.2f}")


def parse_arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description="Labels and a video in, a network and the video's poses out.")
    parser.add_argument("labels", type=Path, help="COCO keypoint JSON, or MacaquePose's annotations.csv")
    parser.add_argument("video", type=Path)
    parser.add_argument("--project", type=Path, default=Path("myproject"), help="the folder to make")
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--image-size", type=int, default=512, help="pixels of the long side as the network sees it")
    return parser.parse_args()


if __name__ == "__main__":
    main()
