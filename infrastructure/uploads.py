"""Bounds what people upload while it comes in, before a disk is full."""

from typing import Any

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler, SkipFile

TOO_LARGE = "octoargo.upload_too_large"  # in the request's META


class SizeLimit(FileUploadHandler):
    """The first of the handlers: a bigger file is thrown away, its field stays empty, and the request says so."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.received = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        self.received += len(raw_data)
        if self.received > settings.LARGEST_UPLOAD:
            if self.request is not None:
                self.request.META[TOO_LARGE] = "yes"
            raise SkipFile
        return raw_data

    def file_complete(self, file_size: int) -> None:
        """The next handler keeps it."""
