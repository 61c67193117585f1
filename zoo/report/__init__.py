"""What people read and look at of a run: curves, confusion matrix, diagnosis, report."""
