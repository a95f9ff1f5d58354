"""What a web server loads."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mlsystem.settings")

application = get_wsgi_application()

from registry import definition_store  # noqa: E402 - before, there is no Django

# Now: the first request that needs one may come after the next edit of its module.
definition_store.load_all()
