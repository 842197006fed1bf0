"""The verbs on a project: everything that the command line does, as functions; one file a verb."""
