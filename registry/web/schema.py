"""OpenAPI of one endpoint, read from its `operation` and `access`."""

from drf_spectacular.openapi import AutoSchema


class Schema(AutoSchema):
    pass
