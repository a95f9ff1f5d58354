"""Addresses of this floor: `api` under /api/v1/, `pages` at the root."""

from django.urls import URLPattern, URLResolver

api: list[URLPattern | URLResolver] = []
pages: list[URLPattern | URLResolver] = []
