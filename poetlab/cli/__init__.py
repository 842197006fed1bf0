"""The command line: one thin file a command that parses, calls and prints."""
