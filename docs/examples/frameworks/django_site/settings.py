"""The settings that the example needs."""

import os
from pathlib import Path

INSTALLED_APPS = ["reports"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("REPORTS_DATABASE", Path(__file__).with_name("reports.sqlite3")),
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
INCUMBENT_ELECTOR = os.environ.get("INCUMBENT_ELECTOR", "local://")
