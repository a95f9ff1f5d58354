"""Component 9, Front-end: a token with which an end user judges one prediction."""

from datetime import timedelta
from uuid import UUID

from django.core.signing import BadSignature, TimestampSigner

LIFE = timedelta(days=90)
SALT = "serving.feedback"


def feedback_token(prediction_id: UUID) -> str:
    """Signed, for this prediction alone."""
    return TimestampSigner(salt=SALT).sign(prediction_id.hex)


def prediction_of(token: str) -> UUID | None:
    """The prediction a token was made for; None if it is forged, broken or too old."""
    try:
        return UUID(TimestampSigner(salt=SALT).unsign(token, max_age=LIFE))
    except (BadSignature, ValueError):
        return None
