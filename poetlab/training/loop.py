"""The training loop: epochs, validation, snapshots, and going on where it stopped."""

import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import torch

from poetlab.data.batch import Batch, TrainingImages, image_cache, training_batches
from poetlab.data.image_size import ImageSizeSettings
from poetlab.device import computes_in_bfloat16
from poetlab.errors import SnapshotError
from poetlab.evaluation.report import Evaluation
from poetlab.inference import Predictor
from poetlab.model.backbone import normalize_images
from poetlab.model.checkpoint import Snapshot, save_snapshot
from poetlab.model.folding import folded_copy
from poetlab.model.network import Network
from poetlab.plots.metrics import plot_metrics
from poetlab.skeleton import Skeleton
from poetlab.training.averaging import AveragedWeights
from poetlab.training.data import TrainingData
from poetlab.training.early_stop import is_flat
from poetlab.training.interruption import GracefulInterrupt
from poetlab.training.objective import Objective
from poetlab.training.optimizer import build_optimizer, optimizer_state, restore_optimizer, set_rates
from poetlab.training.parts import freeze, hold_statistics
from poetlab.training.run_folder import RunFolder
from poetlab.training.settings import TrainingSettings
from poetlab.training.validation import validate

logger = logging.getLogger(__name__)

_PATIENCE = 0.2
"""Part of the epochs after which a run without any detection is called one that learns nothing."""

_UNAVERAGED = "unaveraged/"
"""What the names of weights that the optimizer changes begin with, in the state of a run that averages them."""

OnStep = Callable[[int, int, float], None]
"""Called after each step with steps done, steps in all, and the loss."""

OnEpoch = Callable[[Mapping[str, Any]], None]
"""Called after each epoch with its row of the metrics."""


@dataclass
class Progress:
    """Where a run stands; everything in it is written into the `last` snapshot.

    Attributes:
        epoch: Epochs finished.
        step: Steps finished in the current epoch.
        sums: Sums of the loss parts over those steps.
        rows: Metrics of the finished epochs, and of the start (epoch 0) where it was measured.
        best: AP and negative training loss of the best epoch so far.
        warned: Whether the user was told that the run learns nothing.
        stopped_early: Whether the run has ended before its last epoch, since its validation AP was flat.
        n_skipped: Epochs left out before the upright ones for the same reason.
        patient_from: Epoch from which AP may be flat for a while.
    """

    epoch: int = 0
    step: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    best: tuple[float, float] | None = None
    warned: bool = False
    stopped_early: bool = False
    n_skipped: int = 0
    patient_from: int = 0


class Trainer:
    """One training run, from its start or from its `last` snapshot to its end."""

    def __init__(
        self,
        model: Network,
        skeleton: Skeleton,
        data: TrainingData,
        settings: TrainingSettings,
        image_size: ImageSizeSettings,
        folder: RunFolder,
        device: torch.device,
        facts: Mapping[str, Any],
    ) -> None:
        """Prepare a run.

        Args:
            model: The network to train, changed in place.
            skeleton: What it predicts.
            data: Images to learn from and to be measured on.
            settings: How to train.
            image_size: At which sizes the network sees images.
            folder: Where to write.
            device: Where to compute.
            facts: What every snapshot should say about the run; `pretrained_backbone` and `pretrained_pose_head` are
                read here.

        Raises:
            ConfigError: If the settings name a part that the network does not have, or freeze all of it.
        """
        self.model = model.to(device)
        self.skeleton = skeleton
        self.data = data
        self.settings = settings
        self.image_size = image_size
        self.objective = Objective(settings, skeleton)
        self.folder = folder
        self.device = device
        self.facts = dict(facts)
        self.progress = Progress()
        backbone_is_pretrained = bool(facts["pretrained_backbone"])
        self.frozen = freeze(model, settings, backbone_is_pretrained=backbone_is_pretrained)
        self.optimizer = build_optimizer(model, settings, backbone_is_pretrained=backbone_is_pretrained)
        self.image_cache = image_cache(data.training, settings.augmentation, image_size, settings.image_cache)
        self.n_images = sum(len(label_set.images) for label_set in data.training)
        self.steps_per_epoch = -(-self.n_images // settings.batch_size)
        self._averaged = AveragedWeights(model, settings.averaging) if settings.averaging else None
        self._last_saved = time.monotonic()
        torch.manual_seed(settings.seed)

    @property
    def result(self) -> Network:
        """The network that is measured and kept: of averaged weights, unless the settings turn averaging off."""
        return self._averaged.model if self._averaged else self.model

    def resume(self, snapshot: Snapshot) -> None:
        """Go on from a `last` snapshot instead of from the start."""
        state = dict(snapshot.state)
        self.result.load_state_dict(dict(snapshot.weights))
        if self._averaged:
            unaveraged = [name for name in state if name.startswith(_UNAVERAGED)]
            self.model.load_state_dict({name.removeprefix(_UNAVERAGED): state.pop(name) for name in unaveraged})
        torch.set_rng_state(state.pop("random/cpu").cpu())
        if (cuda_state := state.pop("random/cuda", None)) is not None and self.device.type == "cuda":
            torch.cuda.set_rng_state(cuda_state.cpu(), self.device)
        restore_optimizer(self.model, self.optimizer, state)
        self.progress = Progress(**snapshot.facts["progress"])

    def fit(self, on_step: OnStep | None = None, on_epoch: OnEpoch | None = None) -> Progress:
        """Train to the last epoch, or until validation AP is flat, which upright epochs follow if there are any.

        Raises:
            KeyboardInterrupt: If Ctrl-C was pressed; the run is saved first.
            TrainingError: If the network diverges or the run cannot be saved.
        """
        with GracefulInterrupt() as interrupt:
            self._save_first()
            if self._measures_start() and not self.progress.rows and self.progress.step == 0:
                self._measure_start(interrupt, on_epoch)
            while self.progress.epoch < self.settings.epochs and not self.progress.stopped_early:
                self._train_epoch(interrupt, on_step)
                row = self._finish_epoch()
                if on_epoch:
                    on_epoch(row)
        self._save_last()
        return self.progress

    def _train_epoch(self, interrupt: GracefulInterrupt, on_step: OnStep | None) -> None:
        progress = self.progress
        self.model.train()
        if self.facts["pretrained_backbone"]:
            hold_statistics(self.model)
        images = TrainingImages(
            self.data.training,
            self.settings.augmentation_in(progress.epoch),
            self.image_size,
            self.settings.seed,
            progress.epoch,
            self.image_cache,
        )
        workers = self._n_workers()
        for batch in training_batches(images, self.settings.batch_size, workers, skip=progress.step):
            done = progress.epoch * self.steps_per_epoch + progress.step
            self._set_rates(done)
            losses = self._train_step(batch)
            if self._averaged:
                self._averaged.update(self.model, done)
            progress.step += 1
            progress.sums = {name: progress.sums.get(name, 0.0) + value for name, value in losses.items()}
            if on_step:
                on_step(done + 1, self.settings.epochs * self.steps_per_epoch, losses["loss"])
            if interrupt.requested or time.monotonic() - self._last_saved > self.settings.save_seconds:
                self._save_last()
            if interrupt.requested:
                raise KeyboardInterrupt

    def _set_rates(self, n_before: int) -> float:
        """Set the rates of the step that has so many before it, and return the first group's."""
        return set_rates(self.optimizer, self.settings, (n_before + 0.5) / self.steps_per_epoch)

    def _train_step(self, batch: Batch) -> dict[str, float]:
        padding = None if batch.padding is None else batch.padding.to(self.device, non_blocking=True)
        images = normalize_images(batch.images.to(self.device, non_blocking=True), padding)
        targets = batch.targets.to(self.device)
        in_bfloat16 = self.settings.bfloat16
        with torch.autocast(
            self.device.type,
            torch.bfloat16,
            enabled=computes_in_bfloat16(self.device) if in_bfloat16 is None else in_bfloat16,
        ):
            output = self.objective.predict(self.model, images, padding, targets)
        loss = self.objective.sums(output, targets).mean()
        total = self.objective.total(loss)
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip_norm)
        self.optimizer.step()
        parts = {f"loss_{name}": value.item() for name, value in loss.last_layer().items()}
        return {"loss": total.item()} | parts

    def _finish_epoch(self) -> dict[str, Any]:
        progress = self.progress
        rate = self._set_rates((progress.epoch + 1) * self.steps_per_epoch - 1)
        row: dict[str, Any] = {"epoch": progress.epoch + 1, "learning_rate": rate}
        row |= {name: value / progress.step for name, value in progress.sums.items()}
        is_last = progress.epoch + 1 == self.settings.epochs
        validates = is_last or (progress.epoch + 1) % self.settings.validate_every == 0
        if validates:
            evaluation, figures = self._measure()
            self._keep_best(evaluation.coco["AP"], row["loss"])
            self._warn_if_nothing_is_learned(evaluation)
            row |= figures
        progress.rows.append(row)
        progress.epoch, progress.step, progress.sums = progress.epoch + 1, 0, {}
        if validates and not is_last and is_flat(progress.rows, self.settings.patience, progress.patient_from):
            self._end_early()
        self._write_metrics(with_plot=validates)
        return row

    def _end_early(self) -> None:
        """Go on with the upright epochs if those are still to come; otherwise the run is over."""
        progress, upright = self.progress, self.settings.first_upright_epoch
        if progress.epoch < upright < self.settings.epochs:
            progress.n_skipped += upright - progress.epoch
            progress.epoch = progress.patient_from = upright
        else:
            progress.stopped_early = True

    def _measures_start(self) -> bool:
        """Whether something can be forgotten, or nothing else is wanted."""
        knows_poses = self.facts.get("pretrained_pose_head", False)
        return knows_poses or bool(self.data.also) or self.settings.epochs == 0

    def _measure_start(self, interrupt: GracefulInterrupt, on_epoch: OnEpoch | None) -> None:
        """Measure before the first step, as epoch 0; it is no result of training, so it cannot become the best."""
        row = {"epoch": 0} | self._measure()[1]
        self.progress.rows.append(row)
        self._write_metrics(with_plot=True)
        self._save_last()
        if on_epoch:
            on_epoch(row)
        if interrupt.requested:
            raise KeyboardInterrupt

    def _measure(self) -> tuple[Evaluation, dict[str, Any]]:
        """Figures on the validation images (on the training images if there are none), and columns for the metrics.

        The columns include those of the label sets that decide nothing, named after each.
        """
        model = folded_copy(self.result)
        predictor = Predictor(model, self.skeleton, self.image_size, self.device, self.folder.name, self.facts)
        batch_size = self.settings.batch_size
        validation = validate(predictor, self.data.validation or self.data.training, self.objective, batch_size)
        columns = validation.columns("val")
        for label_set in self.data.also:
            columns |= validate(predictor, [label_set], self.objective, batch_size).columns(label_set.name)
        return validation.evaluation, columns

    def _keep_best(self, ap: float, training_loss: float) -> None:
        """Save the network if its AP is the highest so far, or as high with a lower training loss."""
        progress = self.progress
        reached = (0.0 if ap != ap else ap, -training_loss)  # noqa: PLR0124 (NaN: no animal to measure on)
        if progress.best is None or reached > tuple(progress.best):
            progress.best = reached
            facts = self._facts() | {"AP": ap, "epoch": progress.epoch + 1}
            save_snapshot(
                self.folder.best, Snapshot(self.model.settings, self.skeleton, self.result.state_dict(), facts)
            )

    def _warn_if_nothing_is_learned(self, evaluation: Evaluation) -> None:
        progress = self.progress
        late = progress.epoch + 1 >= max(_PATIENCE * self.settings.epochs, self.settings.validate_every)
        if late and not evaluation.n_detections and evaluation.n_animals and not progress.warned:
            progress.warned = True
            logger.warning(
                "after %d epochs no detection reaches a score of %g: the run has learned nothing yet; "
                "it may need pretrained weights, more epochs, or a higher learning rate",
                progress.epoch + 1,
                evaluation.threshold,
            )

    def _write_metrics(self, *, with_plot: bool) -> None:
        self.folder.write_metrics(self.progress.rows)
        if with_plot:
            plot_metrics(
                self.progress.rows, self.folder.metrics_plot, also=[label_set.name for label_set in self.data.also]
            )

    def _save_first(self) -> None:
        """Save the start, so that a run can be resumed from any moment on; a new one that cannot be leaves nothing."""
        is_new = not self.folder.last.exists()
        try:
            self._save_last()
        except SnapshotError:
            if is_new:
                self.folder.discard()
            raise

    def _save_last(self) -> None:
        state = optimizer_state(self.model, self.optimizer) | {"random/cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            state["random/cuda"] = torch.cuda.get_rng_state(self.device)
        if self._averaged:
            state |= {_UNAVERAGED + name: tensor for name, tensor in self.model.state_dict().items()}
        facts = self._facts() | {"progress": asdict(self.progress)}
        snapshot = Snapshot(self.model.settings, self.skeleton, self.result.state_dict(), facts, state)
        save_snapshot(self.folder.last, snapshot)
        self._last_saved = time.monotonic()

    def _facts(self) -> dict[str, Any]:
        return self.facts | {"image_size": self.image_size.model_dump(), "training": self.settings.model_dump()}

    def _n_workers(self) -> int:
        """As set; otherwise none beside a CPU that is busy computing, and up to eight beside a GPU."""
        if self.settings.workers is not None:
            return self.settings.workers
        return min(8, (os.cpu_count() or 1) - 1) if self.device.type == "cuda" else 0
