"""The file storage in a bucket of an S3-compatible service. Requires the packages of requirements-s3.txt."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from app.core.errors import BlobNotFound, FileStorageUnavailable

__all__ = ["S3Settings", "S3Storage"]

_PIECE_BYTES: Final = 1024 * 1024
# Every part but the last has at least 5 MiB:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
_PART_BYTES: Final = 8 * 1024 * 1024
_CONNECT_SECONDS: Final = 5
_READ_SECONDS: Final = 30


@dataclass(frozen=True)
class S3Settings:
    """Address and credentials of a bucket.

    Attributes:
        bucket: Name of the bucket.
        prefix: Start of the names of all objects.
        endpoint: URL of the service. Empty for Amazon's.
        region: Region of the bucket.
        access_key: Empty for the credentials that boto3 finds: variables, files, the role of the machine.
        secret_key: Belongs to the access key.
    """

    bucket: str
    prefix: str = ""
    endpoint: str = ""
    region: str = "us-east-1"
    access_key: str = ""
    secret_key: str = field(default="", repr=False)


class S3Storage:
    """Implements the ``FileStorage`` port with a bucket.

    Args:
        settings: Address and credentials.
    """

    max_blob_bytes: int | None = None
    capacity_bytes: int | None = None

    def __init__(self, settings: S3Settings) -> None:
        self._bucket = settings.bucket
        self._prefix = f"{settings.prefix}/" if settings.prefix else ""
        # A session of its own: the default session of boto3 is not thread-safe. Its clients are.
        self._client: Any = boto3.session.Session().client(
            "s3",
            endpoint_url=settings.endpoint or None,
            region_name=settings.region,
            aws_access_key_id=settings.access_key or None,
            aws_secret_access_key=settings.secret_key or None,
            config=Config(
                connect_timeout=_CONNECT_SECONDS,
                read_timeout=_READ_SECONDS,
                retries={"total_max_attempts": 2, "mode": "standard"},
                max_pool_connections=32,
            ),
        )

    def create(self, blob_id: str) -> _S3Writer:
        """Start to write a blob."""
        return _S3Writer(self._client, self._bucket, self._key(blob_id))

    def read(self, blob_id: str) -> Iterator[bytes]:
        """Yield the content of a blob.

        Raises:
            BlobNotFound: The blob does not exist.
        """
        with _translated():
            try:
                body = self._client.get_object(Bucket=self._bucket, Key=self._key(blob_id))["Body"]
            except self._client.exceptions.NoSuchKey as e:
                raise BlobNotFound(blob_id) from e
            with body:
                yield from body.iter_chunks(_PIECE_BYTES)

    def delete(self, blob_id: str) -> None:
        """Delete a blob, and the parts of one that was not committed."""
        key = self._key(blob_id)
        with _translated():
            self._client.delete_object(Bucket=self._bucket, Key=key)
            for upload in self._client.list_multipart_uploads(Bucket=self._bucket, Prefix=key).get("Uploads", ()):
                self._client.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload["UploadId"])

    def check(self) -> None:
        """Check that an object can be written."""
        with _translated():
            self._client.put_object(Bucket=self._bucket, Key=self._key("check"), Body=b"")

    def _key(self, blob_id: str) -> str:
        return f"{self._prefix}{blob_id}"


class _S3Writer:
    def __init__(self, client: Any, bucket: str, key: str) -> None:
        self._client = client
        self._object = {"Bucket": bucket, "Key": key}
        self._buffer = bytearray()
        self._upload: dict[str, str] = {}
        self._parts: list[dict[str, Any]] = []

    def write(self, data: bytes | memoryview) -> None:
        self._buffer += data
        while len(self._buffer) >= _PART_BYTES:
            part = bytes(self._buffer[:_PART_BYTES])
            with _translated():
                self._send_part(part)
            del self._buffer[:_PART_BYTES]

    def commit(self) -> None:
        with _translated():
            if not self._upload:
                self._client.put_object(**self._object, Body=bytes(self._buffer))
                return
            if self._buffer:
                self._send_part(bytes(self._buffer))
            self._client.complete_multipart_upload(
                **self._object, **self._upload, MultipartUpload={"Parts": self._parts}
            )

    def abort(self) -> None:
        if self._upload:
            with suppress(BotoCoreError, ClientError, HTTPError, OSError):
                self._client.abort_multipart_upload(**self._object, **self._upload)

    def _send_part(self, part: bytes) -> None:
        if not self._upload:
            self._upload = {"UploadId": self._client.create_multipart_upload(**self._object)["UploadId"]}
        number = len(self._parts) + 1
        sent = self._client.upload_part(**self._object, **self._upload, PartNumber=number, Body=part)
        self._parts.append({"PartNumber": number, "ETag": sent["ETag"]})


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError, HTTPError, OSError) as e:
        raise FileStorageUnavailable(f"S3: {e}") from e
