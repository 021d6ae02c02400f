"""Where the files of a ledger lie: one folder, on local disk or behind any fsspec URI."""

from __future__ import annotations

import glob
import os
import secrets
from collections.abc import Mapping
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem
from fsspec.spec import AbstractFileSystem


class Folder:
    """The folder at `uri`. Files appear whole or not at all; none is ever changed in place."""

    def __init__(self, uri: str, storage_options: Mapping[str, Any]) -> None:
        self.fs, root = fsspec.core.url_to_fs(uri, **storage_options)
        self.root: str = root.rstrip("/")
        self.is_local = isinstance(self.fs, LocalFileSystem)
        self.renames = type(self.fs).mv is not AbstractFileSystem.mv  # the inherited one copies and deletes

    def path(self, name: str) -> str:
        return f"{self.root}/{name}"

    def uri(self, name: str) -> str:
        """How DuckDB finds the file: a path on local disk, else with the protocol in front."""
        path = self.path(name)
        return path if self.is_local else str(self.fs.unstrip_protocol(path))

    def pattern(self, name: str) -> str:
        """`uri` for DuckDB, which reads it as a glob pattern except on local disk."""
        return self.uri(name) if self.is_local else glob.escape(self.uri(name))

    def names(self) -> list[str]:
        """File names in the folder, sorted; none if there is no folder yet."""
        try:
            self.fs.invalidate_cache()
            found = self.fs.ls(self.root, detail=False)
        except FileNotFoundError:
            return []
        return sorted(path.rstrip("/").rpartition("/")[2] for path in found)

    def read(self, name: str) -> bytes:
        return bytes(self.fs.cat_file(self.path(name)))

    def write(self, name: str, data: bytes) -> None:
        """Write a file so that a reader sees all of it or nothing.

        Where files can be renamed it is written under a temporary name first. Object stores cannot rename, and show
        an object only once it is complete.
        """
        self.fs.makedirs(self.root, exist_ok=True)
        path = self.path(name)
        if not self.renames:
            self.fs.pipe_file(path, data)
            return
        temporary = self.path(f".{name}.{secrets.token_hex(4)}.tmp")
        self.fs.pipe_file(temporary, data)
        if self.is_local:
            os.replace(temporary, path)
        else:
            self.fs.mv(temporary, path)
