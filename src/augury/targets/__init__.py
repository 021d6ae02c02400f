"""What ops do to targets that are not images: boxes, keypoints, masks."""
