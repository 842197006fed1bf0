"""The base of all settings: immutable, validated, and refusing unknown names."""

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """A group of settings. Each layer declares its own group beside the code that reads it.

    Field descriptions become the comments of `config.yaml`, so that the two never disagree. A group that is given where
    a more general one belongs becomes that one.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        protected_namespaces=(),
        revalidate_instances="subclass-instances",
    )
