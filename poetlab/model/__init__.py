"""The network and its loss, and nothing else: it knows no projects and no screens, and files only as weights."""
