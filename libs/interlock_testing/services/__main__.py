"""`python -m interlock_testing.services`: fetch what the tests need and say which services they get.

Ends with 1 when one is missing. Run before the tests, it keeps a first fetch of minutes out of their time.
"""

import sys

from interlock_testing.services.settings import service_settings
from interlock_testing.services.tiers import Missing, find_kafka, find_postgres, told


def main() -> int:
    """Two lines, and whether both services are there."""
    found = {"Kafka": find_kafka(service_settings()), "PostgreSQL": find_postgres(service_settings())}
    missing = [one for one in found.values() if isinstance(one, Missing)]
    for service, one in found.items():
        stream = sys.stderr if isinstance(one, Missing) else sys.stdout
        stream.write(f"{told(service, one)}\n")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
