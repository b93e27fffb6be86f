"""Settings: read once from ``RENKEI_*`` variables, frozen, passed down. Each is explained in ``.env.example``."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """All a deployment can choose. Durations in seconds, sizes in bytes."""

    model_config = SettingsConfigDict(env_prefix="RENKEI_", frozen=True, extra="ignore")

    database_url: SecretStr | None = None
    worker_database_url: SecretStr | None = None
    owner_database_url: SecretStr | None = None
    data_dir: Path = Path(".demo")
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = Field(default=2, ge=1, le=64)
    issuer: str = "http://127.0.0.1:8000"
    pool_size: int = Field(default=10, ge=1, le=200)
    max_document_bytes: int = Field(default=1_000_000, ge=1_000)
    max_evidence_bytes: int = Field(default=5_000_000, ge=1_000)
    token_seconds: int = Field(default=900, ge=60, le=3600)
    seal_seconds: int = Field(default=10, ge=1, le=3600)
    emergency_searches_per_hour: int = Field(default=20, ge=1)
    allow_private_targets: bool = False
    idempotency_days: int = Field(default=30, ge=1, le=366)
    bucket: str | None = None
    bucket_endpoint: str | None = None
    bucket_region: str = "us-east-1"
    bucket_access_key: str | None = None
    bucket_secret_key: SecretStr | None = None
    metrics_token: SecretStr | None = None
    log_level: str = "INFO"

    @property
    def keys_dir(self) -> Path:
        """Where the keys that sign tokens lie, one PEM file each, mode 0600."""
        return self.data_dir / "keys"

    @property
    def seal_keys_dir(self) -> Path:
        """Where the keys that sign the ledger's seals lie: others than the tokens', since they verify for years."""
        return self.data_dir / "seal-keys"

    @property
    def box_keys_dir(self) -> Path:
        """Where the keys lie that encrypt secrets kept in the database, one file each, mode 0600."""
        return self.data_dir / "box-keys"

    @property
    def blobs_dir(self) -> Path:
        """Where files are kept that are no rows, and where they arrive; with a bucket only the latter."""
        return self.data_dir / "blobs"

    @property
    def seal_journal(self) -> Path:
        """Where the worker notes every seal outside the database, one line each, mode 0600."""
        return self.data_dir / "seals.ndjson"
