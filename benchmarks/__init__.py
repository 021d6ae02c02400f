"""Speed of augury beside Albumentations 2.0.8: `./run bench`."""
