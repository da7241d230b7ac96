"""What all kinds of value-bearing items have in common (K-22)."""

from pydantic import BaseModel, ConfigDict


class Kind(BaseModel):
    """The data elements of one kind; its member `kind` names it. Rendered once, by the model, and never again."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")
