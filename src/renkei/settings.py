"""Settings: read once from ``RENKEI_*`` variables, frozen, passed down. Each is explained in ``.env.example``."""

import re
from ipaddress import ip_network
from pathlib import Path

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from renkei.throttle import Limit


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
    max_attachment_bytes: int = Field(default=20_000_000, ge=1_000)
    draft_days: int = Field(default=30, ge=1, le=366)
    token_seconds: int = Field(default=900, ge=60, le=3600)
    require_second_factor: bool = True
    session_idle_seconds: int = Field(default=1_800, ge=60, le=86_400)
    step_up_seconds: int = Field(default=300, ge=30, le=3_600)
    session_seconds: int = Field(default=43_200, ge=300, le=604_800)
    invitation_hours: int = Field(default=168, ge=1, le=720)
    one_time_code_minutes: int = Field(default=15, ge=1, le=120)
    seal_seconds: int = Field(default=10, ge=1, le=3600)
    tsa_url: str | None = None
    tsa_roots: Path | None = None
    tsa_policy: str | None = None
    tsa_user: str | None = None
    tsa_secret: SecretStr | None = None
    tsa_seconds: int = Field(default=300, ge=1, le=86_400)
    emergency_searches_per_hour: int = Field(default=20, ge=1)
    allow_private_targets: bool = False
    webhook_timeout_seconds: float = Field(default=15.0, gt=0, le=60)
    webhook_retry_seconds: int = Field(default=259_200, ge=1)
    webhook_receivers: int = Field(default=32, ge=1, le=1000)
    webhook_history_days: int = Field(default=30, ge=1, le=3660)
    idempotency_days: int = Field(default=30, ge=1, le=366)
    import_max_bytes: int = Field(default=50_000_000, ge=1_000)
    import_max_rows: int = Field(default=100_000, ge=1)
    import_max_unpacked_bytes: int = Field(default=200_000_000, ge=1_000)
    import_days: int = Field(default=7, ge=1, le=366)
    export_days: int = Field(default=1, ge=1, le=30)
    bucket: str | None = None
    bucket_endpoint: str | None = None
    bucket_region: str = "us-east-1"
    bucket_access_key: str | None = None
    bucket_secret_key: SecretStr | None = None
    requests_per_minute_address: int = Field(default=600_000, ge=0)
    requests_per_minute_client: int = Field(default=300_000, ge=0)
    requests_per_minute_member: int = Field(default=12_000, ge=0)
    refused_tokens_per_minute_address: int = Field(default=600, ge=0)
    refused_tokens_per_minute_client: int = Field(default=400, ge=0)
    limits_file: Path | None = None
    trusted_proxies: str = ""
    cors_origins: str = ""
    metrics_token: SecretStr | None = None
    log_level: str = "INFO"

    @field_validator("tsa_url", "tsa_roots", "tsa_policy", "tsa_user", "tsa_secret", mode="before")
    @classmethod
    def _none(cls, value: object) -> object:
        """A line that is there and empty switches nothing on."""
        return None if value == "" else value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: str) -> str:
        """Addresses and networks, separated by commas. Not ``*``: then everybody could say who they are."""
        for one in filter(None, value.split(",")):
            ip_network(one)
        return value

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, value: str) -> str:
        """Origins as a browser names them, separated by commas; or ``*`` alone."""
        wrong = [one for one in value.split(",") if not re.fullmatch(r"https?://[a-z0-9.:\[\]-]+", one)]
        if wrong and value not in ("", "*"):
            raise ValueError(f"not an origin (scheme, host, port): {wrong[0]!r}")
        return value

    @property
    def limits(self) -> dict[Limit, int]:
        """How many in a minute, by what is counted; 0: no limit."""
        return {
            Limit.address: self.requests_per_minute_address,
            Limit.client: self.requests_per_minute_client,
            Limit.member: self.requests_per_minute_member,
            Limit.refused_address: self.refused_tokens_per_minute_address,
            Limit.refused_client: self.refused_tokens_per_minute_client,
        }

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


def required(url: SecretStr | None) -> str:
    """A database's URL, which must be there."""
    if url is None:
        raise SystemExit("RENKEI_DATABASE_URL is not set")
    return url.get_secret_value()
