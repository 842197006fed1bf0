"""Foreign label formats into one thing, the LabelSet, and back."""
