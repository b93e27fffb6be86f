"""A fictional region's worth of care, told through the public HTTP API. docs/demo.md says what is where."""

from renkei.demo.seed import ClientCredentials, SeedError, seed, showcase_patient
from renkei.demo.try_lines import try_lines

__all__ = ["ClientCredentials", "SeedError", "seed", "showcase_patient", "try_lines"]
