"""Artifacts as clients read them."""

from __future__ import annotations

from trainer.server.context import RequestContext


class ArtifactReads:
    """What a project answers about its artifacts."""

    def __init__(self, context: RequestContext, project_id: int) -> None:
        self._artifact_context = context
        self._artifact_project = project_id
