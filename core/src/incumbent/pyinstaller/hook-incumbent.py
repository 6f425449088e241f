"""Puts every elector that is installed into an application that uses `incumbent`, with the metadata that name it."""

from PyInstaller.utils.hooks import collect_entry_point

datas, hiddenimports = collect_entry_point("incumbent.electors")
