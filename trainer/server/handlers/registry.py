"""Which function answers which GraphQL operation."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from trainer.server.handlers import file_nodes, projects, runs, sweeps, viewer

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
}

MUTATIONS: Mapping[str, Handler] = {
    "upsertBucket": runs.upsert_bucket,
    "upsertModel": projects.upsert_model,
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
}
