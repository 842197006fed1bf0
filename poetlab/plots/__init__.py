"""Pictures of numbers, one file a picture."""
