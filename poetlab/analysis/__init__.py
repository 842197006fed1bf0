"""Videos in, result files out."""
