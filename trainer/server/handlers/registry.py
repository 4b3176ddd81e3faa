"""Which function answers which GraphQL operation."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from trainer.server.handlers import (
    artifact_lists,
    artifacts,
    collections,
    file_nodes,
    projects,
    runs,
    sweeps,
    viewer,
    views,
)

Handler = Callable[..., object]

QUERIES: Mapping[str, Handler] = {
    "viewer": viewer.viewer,
    "serverInfo": viewer.server_info,
    "entity": viewer.entity,
    "organization": viewer.organization,
    "users": viewer.users,
    "project": projects.project,
    "model": projects.project,
    "projects": projects.project_list,
    "models": projects.project_list,
    "artifact": artifact_lists.artifact,
    "artifactCollection": artifact_lists.artifact_collection,
    "clientIDMapping": artifact_lists.client_id_mapping,
    "view": views.view,
}

MUTATIONS: Mapping[str, Handler] = {
    "upsertBucket": runs.upsert_bucket,
    "upsertModel": projects.upsert_model,
    "deleteModel": projects.delete_model,
    "vacuumServer": projects.vacuum_server,
    "rewindRun": runs.rewind_run,
    "deleteRun": runs.delete_run,
    "stopRun": runs.stop_run,
    "updateRunState": runs.update_run_state,
    "createRunFiles": file_nodes.create_run_files,
    "markRunFilesUploaded": file_nodes.mark_run_files_uploaded,
    "deleteFiles": file_nodes.delete_files,
    "notifyScriptableRunAlert": file_nodes.notify_alert,
    "upsertSweep": sweeps.upsert_sweep,
    "enqueueSweepRun": sweeps.enqueue_sweep_run,
    "createAgent": sweeps.create_agent,
    "agentHeartbeat": sweeps.agent_heartbeat,
    "createArtifact": artifacts.create_artifact,
    "createArtifactManifest": artifacts.create_manifest,
    "updateArtifactManifest": artifacts.update_manifest,
    "createArtifactFiles": artifacts.create_files,
    "commitArtifact": artifacts.commit_artifact,
    "updateArtifact": artifacts.update_artifact,
    "deleteArtifact": artifacts.delete_artifact,
    "useArtifact": artifacts.use_artifact,
    "addAliases": collections.add_aliases,
    "deleteAliases": collections.delete_aliases,
    "linkArtifact": collections.link_artifact,
    "unlinkArtifact": collections.unlink_artifact,
    "updateArtifactSequence": collections.update_sequence,
    "updateArtifactPortfolio": collections.update_portfolio,
    "moveArtifactSequence": collections.move_sequence,
    "deleteArtifactSequence": collections.delete_sequence,
    "deleteArtifactPortfolio": collections.delete_portfolio,
    "createArtifactCollectionTagAssignments": collections.add_tags,
    "deleteArtifactCollectionTagAssignments": collections.delete_tags,
    "upsertView": views.upsert_view,
    "deleteView": views.delete_view,
}
