"""Results of augury beside those of Albumentations 2.0.8 at equal, fixed parameters: `./run oracle`."""
