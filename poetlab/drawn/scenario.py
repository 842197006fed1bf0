"""What can be chosen about drawn animals and their pictures."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Scenario:
    """How large, quick, sociable and alike the animals are, and how noisy the camera is.

    Attributes:
        body_length: Snout to tail base, as a part of the picture's shorter side; the tail is as long again.
        length_spread: Largest relative difference of an animal's length from `body_length`.
        shade_spread: Largest relative difference of an animal's brightness from the common one.
        speed: Top speed in body lengths a second; animals also slow down and pause.
        roaming: How far beyond the picture's border the animals' goals lie, in body lengths. Negative keeps
            the animals inside, but for a tail or a paw; from about 1 on they leave the picture and come back.
        sociability: Probability (0 to 1) that an animal's next goal is another animal, so that they meet and cross.
        noise: Standard deviation of the camera's noise in gray levels (of 255).
    """

    body_length: float = 0.26
    length_spread: float = 0.06
    shade_spread: float = 0.06
    speed: float = 1.5
    roaming: float = -0.4
    sociability: float = 0.3
    noise: float = 3.0
