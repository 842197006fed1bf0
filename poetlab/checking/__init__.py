"""Labels checked for mistakes: one file a check, each a function from labels to findings."""
