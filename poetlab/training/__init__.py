"""Training a network on label sets: settings, optimizer, the loop, and the folder of a run."""
