"""One architecture a file: its RECIPE and the published numbers it comes from."""
