"""Label sets into training batches."""
