"""Files kept outside the row store (ファイルの保管): in a folder, or in a bucket of an S3-compatible server. One small interface."""

from renkei.blobs.base import CHUNK, Area, Blobs, Kept, Received, verified
from renkei.blobs.folder import FolderBlobs
from renkei.settings import Settings

__all__ = ["CHUNK", "Area", "Blobs", "FolderBlobs", "Kept", "Received", "open_blobs", "verified"]


def open_blobs(settings: Settings) -> Blobs:
    """Where the settings say that files are kept: in a bucket where one is named, else in the data folder."""
    if settings.bucket is None:
        return FolderBlobs(settings.blobs_dir)
    from renkei.blobs.bucket import BucketBlobs  # its library is installed only where it is used (extra "s3")

    return BucketBlobs.of(settings)
