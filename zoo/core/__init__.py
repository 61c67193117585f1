"""What a training step is made of. Takes plain values; knows no Recipe."""
