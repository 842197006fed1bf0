"""Label sets into the files of labeling tools: one file a format, one table of them in `formats`."""
