"""The trainer: a functional core under tf.distribute.MirroredStrategy.

loop.py builds everything from a recipe, top to bottom; the other files take plain values.
"""
