"""GraphQL documents about what hangs on a run, in the fields that SDK 0.31 asks for. Owns no transport."""

from __future__ import annotations

_FILE = "name sizeBytes mimetype updatedAt md5 url directUrl"
_PAGE = "pageInfo { endCursor hasNextPage }"

RUN_EVENTS = """
query RunFullEvents($project: String!, $entity: String!, $name: String!, $samples: Int) {
  project(name: $project, entityName: $entity) { run(name: $name) { events(samples: $samples) } }
}
"""

RUN_FILES = f"""
query RunFiles($project: String!, $entity: String!, $name: String!, $names: [String] = [], $cursor: String,
    $perPage: Int = 50) {{
  project(name: $project, entityName: $entity) {{
    run(name: $name) {{
      files(names: $names, after: $cursor, first: $perPage) {{ edges {{ node {{ {_FILE} }} cursor }} {_PAGE} }}
    }}
  }}
}}
"""

ARTIFACT = """
artifactSequence { name project { name entity { name } } } versionIndex artifactType { name } description metadata
tags { name } state size digest fileCount createdAt aliases { alias }
"""


def run_artifacts(field: str, wanted: str = ARTIFACT) -> str:
    """Return the document that pages through the artifacts of a run: `outputArtifacts` or `inputArtifacts`.

    Args:
        field: Which of the two.
        wanted: The fields of each.
    """
    return f"""
query RunArtifacts($project: String!, $entity: String!, $name: String!, $cursor: String, $perPage: Int) {{
  project(name: $project, entityName: $entity) {{
    run(name: $name) {{
      artifacts: {field}(after: $cursor, first: $perPage) {{ edges {{ node {{ {wanted} }} cursor }} {_PAGE} }}
    }}
  }}
}}
"""


ARTIFACT_FILES = f"""
query ArtifactMembershipFiles($entity: String!, $project: String!, $collection: String!, $alias: String!,
    $cursor: String, $perPage: Int = 50) {{
  project(name: $project, entityName: $entity) {{
    artifactCollection(name: $collection) {{
      artifactMembership(aliasName: $alias) {{
        files(after: $cursor, first: $perPage) {{
          {_PAGE}
          edges {{ node {{ name: displayName sizeBytes mimetype updatedAt digest md5 url directUrl }} cursor }}
        }}
      }}
    }}
  }}
}}
"""


def run_origin(*, is_embedded: bool) -> str:
    """Return the document that reads where a run comes from; only the embedded server tells agent and exit code."""
    own = "host program exitcode agent { name }" if is_embedded else ""
    return f"""
query RunOrigin($project: String!, $entity: String!, $name: String!) {{
  project(name: $project, entityName: $entity) {{ run(name: $name) {{ name config commit {own} }} }}
}}
"""


def many_runs() -> str:
    """Return the document that reads what hangs on several runs at once."""
    return f"""
query RunsContents($project: String!, $entity: String!, $filters: JSONString, $perPage: Int, $samples: Int) {{
  project(name: $project, entityName: $entity) {{
    runs(filters: $filters, first: $perPage) {{
      edges {{
        node {{
          name config commit
          events(samples: $samples)
          files(first: 100) {{ edges {{ node {{ {_FILE} }} }} }}
          logged: outputArtifacts(first: 50) {{ edges {{ node {{ {ARTIFACT} }} }} }}
          used: inputArtifacts(first: 50) {{ edges {{ node {{ {ARTIFACT} }} }} }}
        }}
      }}
    }}
  }}
}}
"""
