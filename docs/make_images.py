"""Draw the pictures of the documentation with augury itself: `python -m docs.make_images`.

The photograph is china.jpg of scikit-learn's sample images, by danielbuechele, CC BY 2.0, cut and reduced. Needs
`augury[demo]`.
"""

from __future__ import annotations

from pathlib import Path

import cv2

import augury as A

FOLDER = Path(__file__).parent / "images"


def film_strip() -> A.inspect.Strip:
    """A photograph with a box and a keypoint on their way through seven steps, one of which was not chosen."""
    from sklearn.datasets import load_sample_image

    photo = load_sample_image("china.jpg")[0:384, 20:404]
    image = A.Compose([A.Resize(height=200, width=200, interpolation=3, p=1)])(image=photo)["image"]
    pipeline = A.ReplayCompose(
        [
            A.RandomResizedCrop(size=(200, 200), scale=(0.5, 0.8), p=1),
            A.HorizontalFlip(p=0.5),
            A.OneOf([A.Rotate(limit=(10, 25)), A.GridDistortion()], p=1),
            A.ColorJitter(brightness=(0.7, 1.2), hue=0.05, p=1),
            A.CoarseDropout(num_holes_range=(3, 5), hole_height_range=(0.1, 0.2), hole_width_range=(0.1, 0.2), p=1),
            A.GaussNoise(std_range=(0.06, 0.08), p=1),
        ],
        bbox_params=A.BboxParams("pascal_voc", label_fields=["labels"]),
        keypoint_params=A.KeypointParams("xy"),
        seed=137,
    )
    sample = {"image": image, "bboxes": [(28, 12, 196, 178)], "labels": ["pavilion"], "keypoints": [(97, 17)]}
    record = pipeline(**sample, key=(0, 11))["replay"]
    return A.show(record, columns=4, **sample)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    smallest = [cv2.IMWRITE_PNG_COMPRESSION, 9]
    cv2.imwrite(str(FOLDER / "film-strip.png"), film_strip().image[..., ::-1], smallest)
