"""From a run's folder to files that other programs load: Keras models and SavedModels."""
