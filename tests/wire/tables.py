"""The region's own tables of operations and parameters, as `GET /_region/operations` shows them."""

import json
import urllib.request

BY_SIGNING_NAME = {"monitoring": "cloudwatch"}
"""botocore names a service in its own way where the two differ."""


class Table:
    """The parameters of one operation: path to what the region makes of it."""

    def __init__(self, rows):
        self.rows = rows

    def covers(self, path):
        """Whether a request may carry this: it has a row, or leads to one, or is below one that says so."""
        leads = any(row == path or row.startswith(path + ".") for row in self.rows)
        return leads or any(how.get("with_all_below") and path.startswith(row + ".") for row, how in self.rows.items())

    def value_of(self, path):
        """A value that is allowed, where only some are."""
        return self.rows.get(path, {}).get("values", [None])[0]


def read_tables(endpoint):
    """{service: {operation: table}}, by botocore's names of services."""
    with urllib.request.urlopen(endpoint + "/_region/operations", timeout=30) as response:
        services = json.load(response)
    return {
        BY_SIGNING_NAME.get(service, service): {name: Table(rows) for name, rows in told["operations"].items()}
        for service, told in services.items()
    }
