"""Policy search: augmentation learned from the data, and saved as an ordinary pipeline."""
