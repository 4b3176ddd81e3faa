"""The GraphQL documents we send, in the fields, filters and names that SDK 0.31 uses. Owns no transport."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trainer.records import SweepReference
from trainer.tracking.parts import Part

_SWEEP_FIELDS = """
fragment SweepFields on Sweep {
  id name displayName method state description bestLoss config createdAt updatedAt runCount runCountExpected
}
"""

_RUN_FIELDS = """
fragment RunFields on Run {
  id name displayName state config summaryMetrics tags createdAt heartbeatAt sweepName commit group jobType notes
}
"""

DEFAULT_ENTITY = "query GetDefaultEntity { viewer { id entity } }"

LIST_PROJECT_SWEEPS = (
    """
query GetSweeps($project: String!, $entity: String!, $cursor: String, $perPage: Int = 50) {
  project(name: $project, entityName: $entity) {
    name
    sweeps(after: $cursor, first: $perPage) {
      pageInfo { endCursor hasNextPage }
      edges { node { ...SweepFields } }
    }
  }
}
"""
    + _SWEEP_FIELDS
)

LIST_SWEEPS = (
    """
query GetProjectsWithSweeps($entity: String, $cursor: String, $perPage: Int = 50, $sweepsPerProject: Int = 50) {
  models(entityName: $entity, after: $cursor, first: $perPage) {
    pageInfo { endCursor hasNextPage }
    edges {
      node {
        name
        sweeps(first: $sweepsPerProject) {
          pageInfo { endCursor hasNextPage }
          edges { node { ...SweepFields } }
        }
      }
    }
  }
}
"""
    + _SWEEP_FIELDS
)

LIST_CHANGED_SWEEPS = (
    """
query GetProjectsWithChangedSweeps($entity: String, $perPage: Int, $filters: JSONString) {
  models(entityName: $entity, first: $perPage) {
    pageInfo { endCursor hasNextPage }
    edges {
      node {
        name
        sweeps(first: $perPage, filters: $filters) {
          pageInfo { endCursor hasNextPage }
          edges { node { ...SweepFields } }
        }
      }
    }
  }
}
"""
    + _SWEEP_FIELDS
)

LIST_CHANGED_PROJECT_SWEEPS = (
    """
query GetChangedSweeps($project: String!, $entity: String!, $perPage: Int, $filters: JSONString) {
  project(name: $project, entityName: $entity) {
    name
    sweeps(first: $perPage, filters: $filters) {
      pageInfo { endCursor hasNextPage }
      edges { node { ...SweepFields } }
    }
  }
}
"""
    + _SWEEP_FIELDS
)

READ_SWEEP = (
    """
query GetSweep($name: String!, $project: String, $entity: String) {
  project(name: $project, entityName: $entity) { sweep(sweepName: $name) { ...SweepFields } }
}
"""
    + _SWEEP_FIELDS
)

SWEEP_TO_CHANGE = READ_SWEEP.replace("query GetSweep(", "query SweepToChange(")

READ_PROJECT = (
    "query GetProject($project: String, $entity: String) { project(name: $project, entityName: $entity) { id } }"
)

DELETE_PROJECT = "mutation DeleteProject($id: String!) { deleteModel(input: {id: $id}) { success } }"

UPSERT_SWEEP = """
mutation UpsertSweep(
  $id: ID, $config: String, $description: String, $entityName: String, $projectName: String,
  $controller: JSONString, $launchScheduler: JSONString, $templateVariableValues: JSONString,
  $scheduler: JSONString, $state: String, $priorRunsFilters: JSONString, $displayName: String
) {
  upsertSweep(input: {
    id: $id, config: $config, description: $description, entityName: $entityName, projectName: $projectName,
    controller: $controller, launchScheduler: $launchScheduler, templateVariableValues: $templateVariableValues,
    scheduler: $scheduler, state: $state, priorRunsFilters: $priorRunsFilters, displayName: $displayName
  }) {
    sweep { name project { id name entity { id name } } }
    configValidationWarnings
  }
}
"""

SET_SWEEP_STATE = """
mutation UpsertSweep($id: ID, $state: String, $entityName: String, $projectName: String) {
  upsertSweep(input: {id: $id, state: $state, entityName: $entityName, projectName: $projectName}) {
    sweep { name }
  }
}
"""


PRIOR_RUNS = """
query SweepPriorRuns($name: String!, $project: String, $entity: String) {
  project(name: $project, entityName: $entity) { sweep(sweepName: $name) { priorRunsFilters } }
}
"""


def run_fields(*, is_embedded: bool) -> str:
    """Return what is asked of every run; only the embedded server tells why it asked one to stop."""
    return _RUN_FIELDS.replace(" notes\n", " notes stopReason\n") if is_embedded else _RUN_FIELDS


def sweep_runs_part(
    reference: SweepReference, *, with_sweep: bool, curves: bool, is_embedded: bool, values: Mapping[str, Any]
) -> Part:
    """Return what `sweep_runs` asks for, as a part of a document.

    Args:
        reference: The sweep.
        with_sweep: Whether the sweep itself is wanted, too.
        curves: Whether sampled curves are.
        is_embedded: Whether it is our own server that is asked.
        values: Of `filters`, `perPage`, `order`, and `specs` where curves are wanted.
    """
    types = {"filters": "JSONString", "cursor": "String", "perPage": "Int", "order": "String"}
    types |= {"specs": "[JSONString!]!"} if curves else {}
    types |= {"sweep": "String!"} if with_sweep else {}
    fields = f"""
    {"sweep(sweepName: $sweep) { ...SweepFields }" if with_sweep else ""}
    runs(filters: $filters, after: $cursor, first: $perPage, order: $order) {{
      edges {{ node {{ ...RunFields {"sampledHistory(specs: $specs)" if curves else ""} }} }}
      pageInfo {{ endCursor hasNextPage }}
    }}"""
    fragments = (*((_SWEEP_FIELDS,) if with_sweep else ()), run_fields(is_embedded=is_embedded))
    given = {**values, "sweep": reference.id}
    return Part(reference.entity, reference.project, fields, types, given, fragments)


def sweep_runs(*, with_sweep: bool, curves: bool, is_embedded: bool = False) -> str:
    """Return the document that reads a page of runs, with the sweep itself and sampled curves where wanted."""
    specs = ", $specs: [JSONString!]!" if curves else ""
    name = ", $sweep: String!" if with_sweep else ""
    return f"""
query SweepRuns($project: String!, $entity: String!, $filters: JSONString, $cursor: String,
    $perPage: Int = 50, $order: String{name}{specs}) {{
  project(name: $project, entityName: $entity) {{
    {"sweep(sweepName: $sweep) { ...SweepFields }" if with_sweep else ""}
    runs(filters: $filters, after: $cursor, first: $perPage, order: $order) {{
      edges {{ node {{ ...RunFields {"sampledHistory(specs: $specs)" if curves else ""} }} }}
      pageInfo {{ endCursor hasNextPage }}
    }}
  }}
}}
{_SWEEP_FIELDS if with_sweep else ""}{run_fields(is_embedded=is_embedded)}"""


_READ_RUN = """
query Run($project: String!, $entity: String!, $name: String!) {
  project(name: $project, entityName: $entity) { run(name: $name) { ...RunFields } }
}
"""
READ_RUN = _READ_RUN + _RUN_FIELDS
RUN_TO_CHANGE = READ_RUN.replace("query Run(", "query RunToChange(")
"""The same under a name that says what for: who has to wait with it is told by it."""
READ_EMBEDDED_RUN = _READ_RUN + run_fields(is_embedded=True)

FULL_HISTORY = """
query RunFullHistory($project: String!, $entity: String!, $name: String!, $samples: Int) {
  project(name: $project, entityName: $entity) { run(name: $name) { history(samples: $samples) } }
}
"""

RUN_HISTORIES = """
query RunHistories($project: String!, $entity: String!, $filters: JSONString, $perPage: Int, $samples: Int) {
  project(name: $project, entityName: $entity) {
    runs(filters: $filters, first: $perPage) { edges { node { name history(samples: $samples) } } }
  }
}
"""

HISTORY_PAGE = """
query HistoryPage($project: String!, $entity: String!, $name: String!, $minStep: Int64!, $maxStep: Int64!,
    $pageSize: Int!) {
  project(name: $project, entityName: $entity) {
    run(name: $name) { history(minStep: $minStep, maxStep: $maxStep, samples: $pageSize) }
  }
}
"""

CONSOLE_PAGE = """
query RunConsoleLogPage($entity: String!, $project: String!, $name: String!, $first: Int, $after: String) {
  project(name: $project, entityName: $entity) {
    run(name: $name) {
      logLineCount
      logLines(first: $first, after: $after, useImprovedPagination: true) {
        edges { node { number timestamp level label line } }
        pageInfo { startCursor endCursor hasNextPage }
      }
    }
  }
}
"""

CONSOLE_PAGE_BACK = """
query RunConsoleLogPageBack($entity: String!, $project: String!, $name: String!, $last: Int, $before: String) {
  project(name: $project, entityName: $entity) {
    run(name: $name) {
      logLineCount
      logLines(last: $last, before: $before, useImprovedPagination: true) {
        edges { node { number timestamp level label line } }
        pageInfo { startCursor hasPreviousPage endCursor }
      }
    }
  }
}
"""

CONSOLE_TAIL = """
query RunConsoleLogTail($entity: String!, $project: String!, $name: String!, $last: Int) {
  project(name: $project, entityName: $entity) {
    run(name: $name) {
      logLineCount
      logLines(last: $last) { edges { node { number timestamp level label line } } }
    }
  }
}
"""

STOP_RUN = "mutation StopRun($id: ID!) { stopRun(input: {id: $id}) { success } }"

CHANGE_RUN = """
mutation UpsertBucket($id: String!, $notes: String, $tags: [String!]) {
  upsertBucket(input: {id: $id, notes: $notes, tags: $tags}) { bucket { id } }
}
"""

DELETE_RUN = "mutation DeleteRun($id: ID!) { deleteRun(input: {id: $id}) { clientMutationId } }"

SERVER_FEATURES = "query ServerFeaturesQuery { serverInfo { features { name isEnabled } } }"

ENQUEUE_RUN = """
mutation EnqueueSweepRun($id: ID!, $config: JSONString!, $displayName: String) {
  enqueueSweepRun(input: {id: $id, config: $config, displayName: $displayName}) { id runQueueItemId }
}
"""

CREATE_AGENT = """
mutation CreateAgent($host: String!, $projectName: String, $entityName: String, $sweep: String!) {
  createAgent(input: {host: $host, projectName: $projectName, entityName: $entityName, sweep: $sweep}) {
    agent { id }
  }
}
"""

HEARTBEAT = """
mutation Heartbeat($id: ID!, $metrics: JSONString, $runState: JSONString) {
  agentHeartbeat(input: {id: $id, metrics: $metrics, runState: $runState}) { agent { id } commands }
}
"""
