"""How good a network is on labeled images: COCO's keypoint figures, pixel errors, visibility and counts."""
