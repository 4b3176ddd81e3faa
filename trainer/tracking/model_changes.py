"""Aliases of model artifacts and their links to a registry, as the SDK's public API makes them (0.31)."""

from __future__ import annotations

from typing import Any

from trainer.errors import NotFoundError
from trainer.run_contents import RunArtifact
from trainer.tracking.content_documents import ARTIFACT
from trainer.tracking.transport import GraphQLTransport
from trainer.wire_contents import run_artifact

REGISTRY = "wandb-registry-model"
"""The project of the registry of models that W&B makes for every organization."""

_ARTIFACT_ID = """
query ArtifactMembershipByName($entity: String!, $project: String!, $name: String!) {
  project(name: $project, entityName: $entity) {
    artifactCollectionMembership(name: $name) { artifact { id } }
  }
}
"""
_MARKED = f"""
query ProjectArtifacts($entity: String!, $project: String!, $type: String!, $alias: String!, $cursor: String,
    $perPage: Int) {{
  project(name: $project, entityName: $entity) {{
    artifactType(name: $type) {{
      artifactCollections(after: $cursor, first: $perPage) {{
        pageInfo {{ endCursor hasNextPage }}
        edges {{
          node {{
            artifactMembership(aliasName: $alias) {{
              artifact {{ {ARTIFACT} createdBy {{ ... on Run {{ name }} }} }}
            }}
          }}
        }}
      }}
    }}
  }}
}}
"""
_PAGE = 100
_ADD_ALIASES = """
mutation AddAliases($input: AddAliasesInput!) { result: addAliases(input: $input) { success } }
"""
_DELETE_ALIASES = """
mutation DeleteAliases($input: DeleteAliasesInput!) { result: deleteAliases(input: $input) { success } }
"""
_LINK = """
mutation LinkArtifact($input: LinkArtifactInput!) { result: linkArtifact(input: $input) { versionIndex } }
"""
_ORGANIZATION = """
query FetchOrgInfoFromEntity($entity: String!) {
  entity(name: $entity) { organization { name orgEntity { name } } user { organizations { name orgEntity { name } } } }
}
"""


class ModelChanges:
    """Aliases and registry links (documents of SDK 0.31)."""

    _transport: GraphQLTransport

    def marked_models(self, entity: str, project: str, alias: str) -> list[tuple[str, RunArtifact]] | None:
        """Return the models of a project that have an alias, each with the id of the run that made it.

        Returns:
            None if the project has no artifact of type `model`. One whose run was deleted has an empty id.
        """
        variables: dict[str, Any] = {
            "entity": entity, "project": project, "type": "model", "alias": alias, "perPage": _PAGE, "cursor": None,
        }  # fmt: skip
        marked: list[tuple[str, RunArtifact]] = []
        while True:
            found = self._transport.execute(_MARKED, variables).get("project") or {}
            collections = (found.get("artifactType") or {}).get("artifactCollections") or {}
            edges = collections.get("edges") or []
            if not edges and not variables["cursor"]:
                return None
            for edge in edges:
                node = (edge["node"].get("artifactMembership") or {}).get("artifact")
                if node:
                    run_id = str((node.get("createdBy") or {}).get("name") or "")
                    marked.append((run_id, run_artifact(node, is_used=False)))
            page = collections.get("pageInfo") or {}
            if not page.get("hasNextPage"):
                return marked
            variables["cursor"] = page.get("endCursor")

    def move_alias(self, entity: str, project: str, artifact: RunArtifact, alias: str) -> None:
        """Give a version an alias, which leaves the version of the same collection that had it."""
        self._change(_ADD_ALIASES, entity, project, artifact, alias)

    def remove_alias(self, entity: str, project: str, artifact: RunArtifact, alias: str) -> None:
        """Take an alias from a version."""
        self._change(_DELETE_ALIASES, entity, project, artifact, alias)

    def link_to_registry(
        self, entity: str, project: str, artifact: RunArtifact, collection: str, aliases: tuple[str, ...] = ()
    ) -> str:
        """Have a collection of the registry of models show a version; return the version's name there.

        Raises:
            NotFoundError: If the entity belongs to no organization, which is what has registries.
        """
        found = self._transport.execute(_ORGANIZATION, {"entity": entity}).get("entity") or {}
        organizations = [found.get("organization"), *((found.get("user") or {}).get("organizations") or ())]
        owners = [((each or {}).get("orgEntity") or {}).get("name") for each in organizations]
        owner = next((name for name in owners if name), None)
        if owner is None:
            raise NotFoundError(f"{entity} belongs to no organization, and so to no registry.", hint="Leave it out.")
        given = {
            "artifactID": self._artifact_id(entity, project, artifact),
            "artifactPortfolioName": collection,
            "entityName": owner,
            "projectName": REGISTRY,
            "aliases": [{"alias": alias, "artifactCollectionName": collection} for alias in aliases],
        }
        result = self._transport.execute(_LINK, {"input": given}).get("result") or {}
        return f"{REGISTRY}/{collection}:v{result.get('versionIndex')}"

    def _change(self, document: str, entity: str, project: str, artifact: RunArtifact, alias: str) -> None:
        named = {
            "alias": alias,
            "artifactCollectionName": artifact.collection,
            "entityName": entity,
            "projectName": project,
        }
        given = {"artifactID": self._artifact_id(entity, project, artifact), "aliases": [named]}
        self._transport.execute(document, {"input": given})

    def _artifact_id(self, entity: str, project: str, artifact: RunArtifact) -> str:
        variables = {"entity": entity, "project": project, "name": artifact.name}
        found = self._transport.execute(_ARTIFACT_ID, variables).get("project") or {}
        identity = ((found.get("artifactCollectionMembership") or {}).get("artifact") or {}).get("id")
        if not identity:
            raise NotFoundError(f"There is no artifact {artifact.name} any more.", hint="Somebody deleted it.")
        return str(identity)
