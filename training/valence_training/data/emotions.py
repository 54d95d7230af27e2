"""What an acted emotion says about sentiment: the one table that all corpora of emotions share.

The scale is MOSI's, -3 to 3. The values are a choice of this project, not a measurement: an acted emotion carries no
sentiment score. They follow the valence order of the circumplex (Russell 1980), and keep clear of the neutral band
|y| <= 0.5. Surprise has no sign; it is left out of training and of every polarity figure, and is reported apart.
"""

from __future__ import annotations

SCORE: dict[str, float] = {
    "happy": 2.0,
    "neutral": 0.0,
    "calm": 0.0,
    "bored": -1.0,
    "sad": -1.8,
    "fearful": -1.8,
    "disgust": -2.0,
    "angry": -2.2,
}

NEUTRAL_BAND = 0.5
"""A score is neutral where |y| <= NEUTRAL_BAND (y = 0 alone is 30 of MOSI's 686 test segments)."""

NEGATIVE, NEUTRAL, POSITIVE = 0, 1, 2


def polarity(score: float) -> int:
    """Index of the polarity of a score: NEGATIVE, NEUTRAL or POSITIVE."""
    if abs(score) <= NEUTRAL_BAND:
        return NEUTRAL
    return POSITIVE if score > 0 else NEGATIVE
