"""How pages show a value of any kind: an image as a picture, the rest in words."""

from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from registry import images
from registry.templatetags.words import num

register = template.Library()

TINY = 96  # pixels: smaller ones are enlarged with their pixels to be seen
TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WebP": "image/webp"}


@register.filter
def shown(value: Any, name: str = "image") -> SafeString | str:
    """`{{ value|shown:field.name }}`; the name is what a screen reader says.

    >>> shown(0.5), shown("Climb")
    ('0.5', 'Climb')
    """
    found = images.format_of(value) if isinstance(value, str) else None
    if found is None:
        return num(value)
    try:
        form, width, height = images.size(value)
    except ValueError:
        return images.told(value)
    looks = "picture tiny" if max(width, height) <= TINY else "picture"
    return format_html(
        '<img class="{}" src="data:{};base64,{}" width="{}" height="{}" alt="{}">',
        looks,
        TYPES[form],
        value,
        width,
        height,
        f"{name}: {images.told(value)}",
    )
