"""The network and its loss, and nothing else: it knows no projects, files or screens."""
