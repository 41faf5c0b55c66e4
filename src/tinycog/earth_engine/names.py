"""Names of assets: of Cloud projects, and legacy ones, which are of one project for all."""

from __future__ import annotations

import re
from typing import NamedTuple

from tinycog.errors import UsageError

LEGACY_PROJECT = "earthengine-legacy"

ID = re.compile(r"[\w-]+(/[\w-]+)*", re.ASCII)
"""What an asset's ID is made of."""

FULL_NAME = re.compile(r"projects/([\w:.-]+)/assets/(.+)", re.ASCII)

PROJECT = re.compile(r"[\w:.-]+", re.ASCII)


class AssetName(NamedTuple):
    """Which asset is meant.

    Attributes:
        project: of Google Cloud; `LEGACY_PROJECT` for legacy assets.
        id: relative to the project; of a legacy asset all of it, from "users/" or "projects/" on.
    """

    project: str
    id: str

    @property
    def full(self) -> str:
        """The name as manifests have it."""
        return f"projects/{self.project}/assets/{self.id}"


def parse_name(asset_id: str, project: str | None) -> AssetName:
    """Return which asset an ID means, or a whole name.

    Args:
        asset_id: "projects/my-project/assets/folder/name"; with `project`, "folder/name"; without,
            the ID of a legacy asset, "users/me/name" or "projects/ours/name".
        project: of Google Cloud, in which the asset is.

    Raises:
        UsageError: it is none of these, or of another project.
    """
    full = FULL_NAME.fullmatch(asset_id)
    if full is not None:
        if project not in (None, full[1]):
            message = f"the asset {asset_id!r} is of the project {full[1]}, not of {project}"
            raise UsageError(message)
        name = AssetName(full[1], full[2])
    elif project is not None:
        name = AssetName(project, asset_id)
    elif asset_id.startswith(("users/", "projects/")):
        name = AssetName(LEGACY_PROJECT, asset_id)
    else:
        message = (
            f"the asset {asset_id!r} is of no project: give project=, or"
            " 'projects/PROJECT/assets/NAME'; IDs of legacy assets begin with users/ or projects/"
        )
        raise UsageError(message)
    if PROJECT.fullmatch(name.project) is None:
        message = f"a project is named by letters, digits and hyphens, not {name.project!r}"
        raise UsageError(message)
    if ID.fullmatch(name.id) is None:
        message = "an asset is named by letters, digits, hyphens and underscores, parted by"
        message += f" slashes, not {name.id!r}"
        raise UsageError(message)
    return name
