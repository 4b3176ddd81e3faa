"""The GraphQL documents of publishing, in the fields and inputs of SDK 0.31 and its wandb-core. Owns no transport."""

from __future__ import annotations

from trainer.tracking import content_documents

_PAGE = "pageInfo { endCursor hasNextPage }"
_RUN = """
id name displayName description notes tags group jobType commit state config summaryMetrics createdAt sweepName
historyLineCount eventsLineCount logLineCount
"""
_FILE = "name sizeBytes md5 directUrl"
_ARTIFACT = """
id digest state versionIndex description metadata historyStep ttlDurationSeconds tags { name } artifactType { name }
artifactSequence { name } aliases { alias artifactCollection { name } } createdBy { name }
"""


def run(*, is_embedded: bool) -> str:
    """Return the document that reads a run; only the embedded server tells host, program and exit code."""
    own = "host program exitcode" if is_embedded else ""
    return f"""
query Run($project: String!, $entity: String!, $name: String!) {{
  project(name: $project, entityName: $entity) {{ run(name: $name) {{ {_RUN} {own} historyKeys }} }}
}}
"""


RUNS = f"""
query Runs($project: String!, $entity: String!, $filters: JSONString, $perPage: Int) {{
  project(name: $project, entityName: $entity) {{
    runs(filters: $filters, first: $perPage) {{ edges {{ node {{ {_RUN} }} }} }}
  }}
}}
"""

RUN_FILES = f"""
query RunFiles($project: String!, $entity: String!, $name: String!, $cursor: String, $perPage: Int = 50) {{
  project(name: $project, entityName: $entity) {{
    run(name: $name) {{
      files(after: $cursor, first: $perPage) {{ edges {{ node {{ {_FILE} updatedAt }} cursor }} {_PAGE} }}
    }}
  }}
}}
"""

RUN_EVENTS = """
query RunFullEvents($project: String!, $entity: String!, $name: String!, $samples: Int) {
  project(name: $project, entityName: $entity) { run(name: $name) { events(samples: $samples) } }
}
"""

RUN_RESUME = """
query RunResumeStatus($project: String, $entity: String, $name: String!) {
  model(name: $project, entityName: $entity) {
    id name entity { id name }
    bucket(name: $name, missingOk: true) { id name historyLineCount }
  }
}
"""

UPSERT_RUN = """
mutation UpsertBucket($id: String, $name: String, $project: String, $entity: String, $groupName: String,
    $description: String, $displayName: String, $notes: String, $commit: String, $config: JSONString, $host: String,
    $program: String, $jobType: String, $sweep: String, $tags: [String!], $summaryMetrics: JSONString) {
  upsertBucket(input: {id: $id, name: $name, groupName: $groupName, modelName: $project, entityName: $entity,
    description: $description, displayName: $displayName, notes: $notes, config: $config, commit: $commit, host: $host,
    jobProgram: $program, jobType: $jobType, sweep: $sweep, tags: $tags, summaryMetrics: $summaryMetrics}) {
    bucket { id name project { name entity { name } } }
    inserted
  }
}
"""

CREATE_RUN_FILES = """
mutation CreateRunFiles($entity: String!, $project: String!, $run: String!, $files: [String!]!) {
  createRunFiles(input: {entityName: $entity, projectName: $project, runName: $run, files: $files}) {
    runID uploadHeaders files { name uploadUrl }
  }
}
"""


def run_artifacts(field: str) -> str:
    """Return the document that pages through the artifacts of a run, with all that makes them again."""
    return content_documents.run_artifacts(field, _ARTIFACT)


COLLECTION = f"""
query ProjectArtifacts($project: String!, $entity: String!, $type: String!, $name: String!, $cursor: String,
    $perPage: Int) {{
  project(name: $project, entityName: $entity) {{
    artifactType(name: $type) {{
      artifactCollection(name: $name) {{
        artifacts(after: $cursor, first: $perPage) {{ edges {{ node {{ {_ARTIFACT} }} cursor }} {_PAGE} }}
      }}
    }}
  }}
}}
"""

MANIFEST = """
query FetchArtifactManifest($id: ID!) {
  artifact(id: $id) { currentManifest { id file { directUrl } } }
}
"""

ARTIFACT_FILES = f"""
query ArtifactFiles($id: ID!, $names: [String!], $perPage: Int) {{
  artifact(id: $id) {{ files(names: $names, first: $perPage) {{ edges {{ node {{ {_FILE} }} }} }} }}
}}
"""

CLIENT_ID = "query ClientIDMapping($clientID: ID!) { clientIDMapping(clientID: $clientID) { serverID } }"

CREATE_ARTIFACT = """
mutation CreateArtifact($input: CreateArtifactInput!) {
  createArtifact(input: $input) { artifact { id state versionIndex } }
}
"""

CREATE_MANIFEST = """
mutation CreateArtifactManifest($artifactID: ID!, $name: String!, $digest: String!, $entityName: String!,
    $projectName: String!, $runName: String!, $manifestType: ArtifactManifestType!, $includeUpload: Boolean!) {
  createArtifactManifest(input: {artifactID: $artifactID, name: $name, digest: $digest, entityName: $entityName,
    projectName: $projectName, runName: $runName, type: $manifestType}) {
    artifactManifest {
      id
      file { id uploadUrl @include(if: $includeUpload) uploadHeaders @include(if: $includeUpload) }
    }
  }
}
"""

CREATE_ARTIFACT_FILES = """
mutation CreateArtifactFiles($input: CreateArtifactFilesInput!) {
  createArtifactFiles(input: $input) {
    files { edges { node { name storagePath uploadUrl uploadHeaders artifact { id } } } }
  }
}
"""

COMMIT_ARTIFACT = """
mutation CommitArtifact($artifactID: ID!) {
  commitArtifact(input: {artifactID: $artifactID}) { artifact { id digest versionIndex } }
}
"""

ADD_ALIASES = "mutation AddAliases($input: AddAliasesInput!) { result: addAliases(input: $input) { success } }"

USE_ARTIFACT = "mutation UseArtifact($input: UseArtifactInput!) { useArtifact(input: $input) { artifact { id } } }"

READ_SWEEP_TEXT = """
query GetSweep($name: String!, $project: String, $entity: String) {
  project(name: $project, entityName: $entity) { sweep(sweepName: $name) { config displayName description } }
}
"""

SWEEP_ID = """
query GetSweep($name: String!, $project: String, $entity: String) {
  project(name: $project, entityName: $entity) { sweep(sweepName: $name) { id state } }
}
"""
