"""One folder for each real part; they do not know each other."""
