"""Errors that a user can cause. Each message says what happened, where, and what to do."""


class PoetlabError(Exception):
    """Base of every error that poetlab raises on purpose; the command line prints it as one line."""


class SkeletonError(PoetlabError):
    """A skeleton is malformed, unknown, or disagrees with labels or a snapshot."""


class LabelError(PoetlabError):
    """Labels or their images cannot be read or used."""


class VideoError(PoetlabError):
    """A video cannot be opened, decoded or written."""


class ResultsError(PoetlabError):
    """A result file cannot be read or written."""


class SnapshotError(PoetlabError):
    """A file of model weights cannot be read or does not fit."""


class ConfigError(PoetlabError):
    """`config.yaml` or a setting in it is wrong."""


class ForeignConfigError(ConfigError):
    """A `config.yaml` is another tool's."""


class ProjectError(PoetlabError):
    """A project folder is missing, incomplete or would be overwritten."""


class TrainingError(PoetlabError):
    """A training run cannot start or go on."""


class DeviceError(PoetlabError):
    """The requested computing device is not available or out of memory."""
