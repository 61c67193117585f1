"""The first steps of choosing hyperparameters: checks before a run, and what its curves say."""
