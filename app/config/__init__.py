"""Configuration of the service from environment variables.

settings.py     the table of all settings: one field for each
values.py       the types of their values
environment.py  reads the settings and reports all errors at once
table.py        describes the settings for messages and for the documentation
"""

from __future__ import annotations

from app.config.environment import LAUNCH_VARIABLES, ConfigurationError, read_language_folders, read_settings
from app.config.settings import Settings
from app.config.table import settings_table

__all__ = [
    "LAUNCH_VARIABLES",
    "ConfigurationError",
    "Settings",
    "read_language_folders",
    "read_settings",
    "settings_table",
]
