"""What several ops share: drawing, checks of arguments, and the loops over pixels."""
