"""The top floor: training, and what ties the floors together."""

from django.apps import AppConfig


class MlsystemConfig(AppConfig):
    name = "mlsystem"
    label = "mlsystem"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Not in __init__.py: there, every import of a pure module would pay for it.
        from mlsystem import celery, checks, telemetry  # noqa: F401

        telemetry.start()
